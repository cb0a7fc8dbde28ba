"""Recipes: the training and unlearning values that a dataset, a backbone and an objective start from."""

from __future__ import annotations

import dataclasses
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.catalogue.method_record import method
from cu_core.catalogue.objective_record import objective as find_objective
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.catalogue.tuned_values import tuned_entry

# Paper: SGD, momentum 0.9, weight decay 1e-4, batch 256, cosine, lr 0.1, 100 epochs, no augmentation (released code).
PAPER = TrainSpec(
    epochs=100, batch_size=256, optimizer="sgd", lr=0.1, weight_decay=1e-4, schedule="cosine", augment="none"
)
DIGITS = TrainSpec(epochs=15, batch_size=64, optimizer="sgd", lr=0.1, weight_decay=1e-4, schedule="one-cycle")
# Long enough to learn wrong labels by heart; the usual recipe would ignore most of them.
DIGITS_BY_HEART = dataclasses.replace(DIGITS, epochs=40)
# The same for an encoder: half a minute on 300 digits.
DIGITS_ENCODER_BY_HEART = TrainSpec(
    epochs=400, batch_size=64, optimizer="adam", lr=1e-3, weight_decay=0.0, smallest_crop=0.5, queue=256
)
# A wide CNN learns every picture by heart in half a minute.
EMOJI_WIDE = TrainSpec(epochs=15, batch_size=64, optimizer="sgd", lr=0.1, weight_decay=5e-4, schedule="one-cycle")
LAPTOP = TrainSpec(epochs=12, batch_size=128, optimizer="sgd", lr=0.1, weight_decay=5e-4, schedule="one-cycle")
# Nothing of this was tuned here: one-cycle with crop and mirror, as most code for CIFAR-10 has it.
MODERN = TrainSpec(
    epochs=30,
    batch_size=256,
    optimizer="sgd",
    lr=0.2,
    nesterov=True,
    weight_decay=5e-4,
    schedule="one-cycle",
    augment="crop-flip",
)
# Airbench (Jordan, arXiv 2404.00498, table of hyper-parameters), in units of a mean loss and for half its batch: rate
# 11.5 / (1 + 1 / (1 - 0.85)) per 1,024 images is 1.5, and its decay, divided by the rate, 0.0013. Two things are left
# out because they blur what a network knows of a single image, which unlearning is about: label smoothing, and the
# mirrored and shifted views at test time. A third brought nothing: 64 times the rate for batch-norm biases (88.7 % of
# CIFAR-10 with it, 89.0 % without; airbench-s, 8 epochs, seed 10).
AIRBENCH = TrainSpec(
    epochs=12,
    batch_size=512,
    optimizer="sgd",
    lr=0.75,
    momentum=0.85,
    nesterov=True,
    weight_decay=1.3e-3,
    schedule="triangle",
    lookahead=0.77,
    augment="shift-flip",
)
# Without augmentation every picture of the training set is learned by heart, and 74 % of the unseen ones are right
# (airbench-s with a plain head, bf16, seed 10); with shift-flip and 20 epochs 97 % and 76 %.
EMOJI = dataclasses.replace(AIRBENCH, epochs=18, batch_size=64, lr=0.3, augment="none")
# The widest one is meant for a GPU, where epochs cost seconds.
AIRBENCH_LARGE = dataclasses.replace(AIRBENCH, epochs=20)
# The ffcv examples, whose network and 24 epochs EasyDUB took over, without their label smoothing.
RESNET9 = TrainSpec(
    epochs=24, batch_size=512, optimizer="sgd", lr=0.5, weight_decay=5e-4, schedule="one-cycle", augment="crop-flip"
)
TRANSFORMER = TrainSpec(epochs=100, batch_size=256, optimizer="adamw", lr=5e-4, weight_decay=0.05, schedule="one-cycle")

# Encoders on CIFAR-sized images. MoCo: the authors' CIFAR-10 demo (SGD 0.06, batch 512, weight decay 5e-4, queue 4096,
# key momentum 0.99, temperature 0.1). SimCLR: Adam 1e-3, weight decay 1e-6, temperature 0.5, as most CIFAR-10 code has
# it. BYOL: MoCo's optimizer and momentum schedule from 0.99, because the paper's LARS is made for large batches.
MOCO = TrainSpec(objective="moco", epochs=200, batch_size=512, optimizer="sgd", lr=0.06, weight_decay=5e-4)
SIMCLR = TrainSpec(objective="simclr", epochs=200, batch_size=512, optimizer="adam", lr=1e-3, weight_decay=1e-6)
BYOL = TrainSpec(objective="byol", epochs=200, batch_size=512, optimizer="sgd", lr=0.06, weight_decay=5e-4)
# On digits, in seconds. The queue is shorter than the training set: it should not hold an image's own last key.
DIGITS_MOCO = dataclasses.replace(MOCO, epochs=30, batch_size=128, queue=512)
DIGITS_SIMCLR = dataclasses.replace(DIGITS_MOCO, objective="simclr", queue=TrainSpec.queue)
DIGITS_BYOL = dataclasses.replace(DIGITS_SIMCLR, objective="byol")

BY_BACKBONE = {
    "resnet8": LAPTOP,
    "airbench-s": AIRBENCH,
    "airbench-m": AIRBENCH,
    "airbench-l": AIRBENCH_LARGE,
    "resnet9": RESNET9,
}

ENCODERS = {"moco": MOCO, "simclr": SIMCLR, "byol": BYOL}
DIGITS_ENCODERS = {"moco": DIGITS_MOCO, "simclr": DIGITS_SIMCLR, "byol": DIGITS_BYOL}

# CLIP: the fine-tuning of published weights in the contrastive-unlearning paper's rebuttal (Adam 1e-5, weight decay
# 0.2, batch 128, 5 epochs). The tiny one learns from nothing, so it takes larger steps, more of them and no decay.
CLIP = TrainSpec(
    objective="clip", epochs=5, batch_size=128, optimizer="adam", lr=1e-5, weight_decay=0.2, schedule="constant"
)
TINY_CLIP = TrainSpec(
    objective="clip", epochs=30, batch_size=64, optimizer="adam", lr=2e-3, weight_decay=0.0, schedule="one-cycle"
)

# Gradient penalty: the paper states no value but ten epochs. By benchmarks/penalty_sweep.py, see docs/results.md;
# under Adam only the ratios of the weights matter. Classifiers: chosen on 500 digits that a tiny CNN knows by heart and
# on 2,000 images of CIFAR-10. Encoders: chosen on SimCLR with 2,000 images of CIFAR-10, confirmed on MoCo and digits;
# batch norm in training mode cost them more than twice as much. BYOL has no negatives that hold it: smaller steps.
_CLASSIFIER_PENALTY: dict[str, Any] = {
    "alpha": 0.01,
    "variant": "zero_centered",
    "batch_norm": "train",
    "batch_size": 32,
}
_ENCODER_PENALTY: dict[str, Any] = {"beta": 10.0, "variant": "zero_centered", "batch_size": 64, "lr": 0.002}
PENALTY: dict[tuple[str, str], dict[str, Any]] = {
    ("gradient_penalty", "supervised"): _CLASSIFIER_PENALTY | {"gamma": 0.001},
    ("gradient_penalty_members", "supervised"): _CLASSIFIER_PENALTY,
    ("gradient_penalty", "self-supervised"): _ENCODER_PENALTY,
    ("gradient_penalty_members", "self-supervised"): _ENCODER_PENALTY,
    ("gradient_penalty", "byol"): _ENCODER_PENALTY | {"lr": 0.001},
    ("gradient_penalty_members", "byol"): _ENCODER_PENALTY | {"lr": 0.001},
}


def recipe(
    dataset: str, backbone: str, label_noise: float = 0.0, objective: str = "supervised", name: str = ""
) -> TrainSpec:
    """A training recipe that suits a dataset, a backbone and an objective.

    Args:
        dataset: as in `DataSpec.dataset`.
        backbone: as in `ModelSpec.backbone`.
        label_noise: as in `DataSpec.label_noise`; encoders do not see labels.
        objective: as in `TrainSpec.objective`.
        name: one of `recipes`; empty takes the first.

    Raises:
        BadInput: no such objective or recipe.
    """
    offered = recipes(dataset, backbone, label_noise, objective)
    if name and name not in offered:
        raise BadInput("recipe", f"no recipe for {backbone} on these images is called {name!r}", offered, given=name)
    return offered[name] if name else next(iter(offered.values()))


def recipes(
    dataset: str, backbone: str, label_noise: float = 0.0, objective: str = "supervised"
) -> dict[str, TrainSpec]:
    """All recipes by name, the one that is taken where none is named first; see `recipe`.

    Raises:
        BadInput: no such objective.
    """
    usual = _usual(dataset, backbone, label_noise, objective)
    return {"paper": usual, "modern": MODERN} if usual is PAPER else {"standard": usual}


def _usual(dataset: str, backbone: str, label_noise: float, objective: str) -> TrainSpec:
    small = dataset == "digits" or backbone == "tiny-cnn"
    transformer = backbone == "vit-small" or backbone.startswith("timm:vit")
    if find_objective(objective).self_supervised:
        chosen = (DIGITS_ENCODERS if small else ENCODERS)[objective]
        if transformer and not small:
            chosen = dataclasses.replace(
                chosen, optimizer=TRANSFORMER.optimizer, lr=TRANSFORMER.lr, weight_decay=TRANSFORMER.weight_decay
            )
        return chosen
    if find_objective(objective).image_text:
        return TINY_CLIP if backbone == "open_clip:tiny" else CLIP
    if dataset == "emoji" and not transformer:
        return EMOJI if backbone.startswith("airbench-") else EMOJI_WIDE
    if small:
        return DIGITS_BY_HEART if label_noise else DIGITS
    if transformer:
        return TRANSFORMER
    if backbone in BY_BACKBONE:
        return BY_BACKBONE[backbone]
    return PAPER


def unlearning_recipe(method_id: str, dataset: str, backbone: str, task: str, objective: str = "supervised") -> Any:
    """The hyper-parameters that a method starts from: its record's defaults, or ones that were tuned here.

    Args:
        method_id: as in `MethodSpec.id`.
        dataset: as in `DataSpec.dataset`.
        backbone: as in `ModelSpec.backbone`.
        task: ``"class"`` or ``"sample"``.
        objective: as in `TrainSpec.objective`.

    Raises:
        BadInput: no such method or objective.
    """
    kind = find_objective(objective).kind
    entry = tuned_entry(method_id, dataset, backbone, task, kind)
    if entry is not None:
        return method(method_id).params(**entry["values"])
    of_kind = PENALTY.get((method_id, kind), {})
    return method(method_id).params(**PENALTY.get((method_id, objective), of_kind))
