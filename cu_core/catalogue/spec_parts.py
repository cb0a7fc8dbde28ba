"""The parts of a run's specification: images, network, training, forget set, stopping, recording, attacks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cu_core.base.parameters import contents, param
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.pixel_scales import SCALES
from cu_core.catalogue.selections import forms


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


@dataclass(frozen=True)
class DataSpec:
    """Which images."""

    dataset: str = param("digits", "Dataset", lambda: f"{_either([d.form for d in DATASETS.values()])}.")
    label_noise: float = param(
        0.0,
        "Label noise",
        "Share of training labels replaced by a wrong class, drawn with the split seed.",
        low=0.0,
        high=0.5,
    )
    train_limit: int = param(
        0,
        "Training images",
        "Use only this many, drawn class by class; 0 uses all.",
        low=0,
        high=10_000_000,
        unit="images",
        special="0 = all",
        otherwise=("at most", 500),
    )
    image_size: int = param(
        0,
        "Image size",
        "Resize to this many pixels; 0 keeps the dataset's size (32 for folders).",
        low=0,
        high=512,
        unit="px",
        special="0 = as it is, 32 px for folders",
        otherwise=("resize to", 32),
    )
    test_share: float = param(
        0.2,
        "Unseen share",
        "For images without an unseen part (test/, val/): share set apart as unseen.",
        low=0.05,
        high=0.5,
        advanced=True,
    )
    titles: str = param(
        "",
        "Titles of classes",
        "File in the root of the images that maps folder names to titles (such as classes.txt or labels.json); empty "
        "looks for one, none keeps the folder names.",
        advanced=True,
        later=True,
    )
    background: str = param(
        "white",
        "Background",
        "What transparent parts of images are laid on.",
        choices=("white", "black", "grey"),
        advanced=True,
        later=True,
    )
    unreadable: float = param(
        0.01,
        "Unreadable share",
        "Up to this share of the images, rounded up, is left out where it cannot be read; more are refused.",
        low=0.0,
        high=0.5,
        advanced=True,
        later=True,
    )
    split_seed: int = param(
        0, "Split seed", "Seed of splits, subsets and label noise.", low=0, high=2**31 - 1, advanced=True
    )


@dataclass(frozen=True)
class ModelSpec:
    """Which network."""

    backbone: str = param("tiny-cnn", "Backbone", "The trunk; timm:NAME takes any timm model.")
    head: str = param(
        "projected",
        "Head",
        "projected: MLP projector, L2-normalised embedding, linear classifier; plain: linear classifier on the trunk.",
        choices=("projected", "plain"),
    )
    embedding_dim: int = param(
        128, "Embedding size", "Width of the projected embedding.", low=2, high=4096, unit="dimensions", advanced=True
    )
    weights: str = param(
        "",
        "Own weights",
        "File with trained weights; they are used as they are, unless training on is asked for.",
        advanced=True,
    )
    train_on: bool = param(
        False,
        "Train on",
        "Train own weights further by the recipe, instead of using them as they are.",
        advanced=True,
        later=True,
    )
    normalisation: str = param(
        "auto",
        "Normalisation",
        lambda: (
            "How pixels become inputs: auto (from the file of own weights where it says so, else dataset), dataset "
            f"(its own mean and deviation), {', '.join(SCALES)} (constants that others use; unit is [0, 1], half "
            "[-1, 1], bytes [0, 255]), or mean and deviation per channel: 0.49,0.48,0.45/0.25,0.24,0.26."
        ),
        advanced=True,
        later=True,
    )
    class_order: str = param(
        "dataset",
        "Order of classes",
        "In which order own weights answer: that of this dataset, class names sorted as text or as number, or the "
        "numbers of all classes in the order of the answers: 2,0,1.",
        advanced=True,
        later=True,
    )
    stem: str = param(
        "auto",
        "Stem",
        "First layers of a residual network: small (3×3, no pooling), large (7×7 of stride 2, max-pooling), or auto: "
        "by own weights, else by image size.",
        choices=("auto", "small", "large"),
        advanced=True,
        later=True,
    )
    part: str = param(
        "",
        "Part of the file",
        "Which weights of a file that holds several, e.g. model_ema; empty takes the plain model.",
        advanced=True,
        later=True,
    )
    pretrained: bool = param(
        False, "Pretrained", "Start from published weights (timm models, needs network).", advanced=True
    )


@dataclass(frozen=True)
class TrainSpec:
    """How the base model and the references are trained; own weights are trained on only where that is asked for."""

    objective: str = param(
        "supervised",
        "Objective",
        "supervised trains a classifier on labels; moco, simclr and byol train an encoder without labels.",
        choices=lambda: OBJECTIVES,
    )
    epochs: int = param(10, "Epochs", "Passes over the training set.", low=0, high=10_000, unit="epochs")
    batch_size: int = param(128, "Batch size", "Images per step.", low=2, high=65_536, unit="images")
    optimizer: str = param("sgd", "Optimizer", "SGD with momentum, Adam or AdamW.", choices=("sgd", "adam", "adamw"))
    lr: float = param(0.1, "Learning rate", "Peak step size.", low=1e-7, high=10.0, log=True)
    momentum: float = param(0.9, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, advanced=True)
    nesterov: bool = param(
        False,
        "Nesterov",
        "Nesterov's momentum: the gradient is followed by where the momentum will have led.",
        advanced=True,
        later=True,
    )
    weight_decay: float = param(1e-4, "Weight decay", "L2 penalty.", low=0.0, high=1.0, log=True, advanced=True)
    schedule: str = param(
        "cosine",
        "Schedule",
        "Learning rate over time; triangle rises from 0.2 of the peak over 23 % of the steps and falls to 0.07 of it.",
        choices=("cosine", "one-cycle", "triangle", "constant"),
        advanced=True,
    )
    lookahead: float = param(
        0.0,
        "Averaging of weights",
        "Every fifth step the weights become a running mean of themselves that keeps up to this share of its past, "
        "rising with the cube of the training's progress (Lookahead); 0 averages nothing.",
        low=0.0,
        high=0.99,
        special="0 = none",
        otherwise=("up to", 0.8),
        advanced=True,
        later=True,
    )
    label_smoothing: float = param(
        0.0,
        "Label smoothing",
        "Share of the target that is spread over all classes; blurs the difference between seen and unseen samples.",
        low=0.0,
        high=0.9,
        advanced=True,
        later=True,
    )
    augment: str = param(
        "none",
        "Augmentation",
        "none; crop: random crop (4 px of 32 padded); crop-flip: with random mirroring; shift-flip: shifts by up to "
        "2 px of 32, every image mirrored in every second epoch.",
        choices=("none", "crop", "crop-flip", "shift-flip"),
    )
    temperature: float = param(
        0.0,
        "Temperature",
        "Divides the similarities of a self-supervised loss; 0 takes the objective's own (MoCo 0.1, SimCLR 0.5).",
        low=0.0,
        high=10.0,
        special="0 = the objective's",
        otherwise=("another", 0.1),
        advanced=True,
    )
    queue: int = param(
        4096,
        "Queue length",
        "MoCo: embeddings of earlier images to contrast with, never more than training images.",
        low=16,
        high=1_048_576,
        unit="embeddings",
        advanced=True,
    )
    smallest_crop: float = param(
        0.2,
        "Smallest crop",
        "Smallest share of an image's area that a view of self-supervised training shows; larger crops make learning "
        "by heart quicker.",
        low=0.05,
        high=1.0,
        advanced=True,
    )
    key_momentum: float = param(
        0.99,
        "Key momentum",
        "MoCo and BYOL: share of the slow copy that stays in each step; BYOL raises it to 1 over the training.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    shards: int = param(
        1,
        "Shards",
        "Trains this many classifiers, each on a part of the training set, that answer together; 1 trains an ordinary "
        "model. Unlearned by SISA.",
        low=1,
        high=50,
        unit="shards",
        special="1 = an ordinary model",
        otherwise=("several", 4),
        advanced=True,
    )
    slices: int = param(
        1,
        "Slices",
        "Shows each shard in this many growing parts, so that unlearning can go back to before a sample was seen.",
        low=1,
        high=20,
        unit="slices",
        special="1 = all at once",
        otherwise=("several", 3),
        advanced=True,
    )
    keep_every: int = param(
        0,
        "Kept checkpoints",
        "Keeps the base model's weights after every so many epochs of its training, for methods that go back to one; "
        "those that the chosen method needs are kept anyway.",
        low=0,
        high=10_000,
        unit="epochs",
        special="0 = none",
        otherwise=("every", 5),
        advanced=True,
        later=True,
    )
    seed: int = param(
        -1,
        "Training seed",
        "Seed of the base model; -1 follows the run's seed.",
        low=-1,
        high=2**31 - 1,
        special="-1 = the run's",
        otherwise=("another", 0),
        advanced=True,
    )

    @property
    def sharded(self) -> bool:
        """Whether the model is trained in shards and slices; see `cu_core.learning.shards`."""
        return self.shards > 1 or self.slices > 1

    @property
    def members(self) -> int:
        """Classifiers of a model that is trained in shards; 0 for an ordinary model."""
        return self.shards if self.sharded else 0

    @property
    def stage_epochs(self) -> tuple[int, ...]:
        """Epochs of each stage of a shard; stage r sees slices 1 to r of R.

        2E/(R+1) on average (Bourtoule et al. 2021), so that a shard's samples are seen as often in all as E epochs
        would show them. Each stage is rounded to the whole number that brings the visits so far closest to that, and
        the last one has at least one epoch, because it alone sees every slice.
        """
        seen = 0.0
        found = []
        for stage in range(1, self.slices + 1):
            wanted = self.epochs * stage * (stage + 1) / (self.slices * (self.slices + 1))
            # Half an epoch counts as a whole one; what is too much now is taken from the next stage.
            epochs = max(0, math.floor((wanted - seen) * self.slices / stage + 0.5))
            found.append(epochs)
            seen += epochs * stage / self.slices
        found[-1] = max(found[-1], min(self.epochs, 1))
        return tuple(found)

    @property
    def work(self) -> int:
        """Epochs that a training reports: of all stages of all shards where there are such, each over its samples."""
        return self.shards * sum(self.stage_epochs) if self.sharded else self.epochs

    def content(self) -> dict[str, Any]:
        """All fields for hashes, as before there were later ones, where these have their default.

        Shards and slices of an ordinary model are among them.
        """
        content = contents(self)
        # What is kept of a training makes no other weights.
        content.pop("keep_every", None)
        if not self.sharded:
            del content["shards"], content["slices"]
        return content


@dataclass(frozen=True)
class ForgetSpec:
    """Which training samples to unlearn."""

    select: str = param(
        "class:0",
        "Forget set",
        lambda: f"{_either(forms())}.",
    )
    seed: int = param(
        -1,
        "Selection seed",
        "Seed of random draws; -1 follows the run's seed.",
        low=-1,
        high=2**31 - 1,
        special="-1 = the run's",
        otherwise=("another", 0),
    )
