"""Training recipes: the defaults that a dataset and a backbone start from."""

from __future__ import annotations

from cu_core.spec import TrainSpec

# Paper: SGD, momentum 0.9, weight decay 1e-4, batch 256, cosine, lr 0.1, 100 epochs, no augmentation (released code).
PAPER = TrainSpec(
    epochs=100, batch_size=256, optimizer="sgd", lr=0.1, weight_decay=1e-4, schedule="cosine", augment="none"
)
DIGITS = TrainSpec(epochs=15, batch_size=64, optimizer="sgd", lr=0.1, weight_decay=1e-4, schedule="one-cycle")
LAPTOP = TrainSpec(epochs=12, batch_size=128, optimizer="sgd", lr=0.1, weight_decay=5e-4, schedule="one-cycle")
TRANSFORMER = TrainSpec(epochs=100, batch_size=256, optimizer="adamw", lr=5e-4, weight_decay=0.05, schedule="one-cycle")


def recipe(dataset: str, backbone: str) -> TrainSpec:
    """The recipe that suits a dataset and a backbone.

    Args:
        dataset: as in `DataSpec.dataset`.
        backbone: as in `ModelSpec.backbone`.
    """
    if dataset == "digits" or backbone == "tiny-cnn":
        return DIGITS
    if backbone == "vit-small" or backbone.startswith("timm:vit"):
        return TRANSFORMER
    if backbone == "resnet8":
        return LAPTOP
    return PAPER
