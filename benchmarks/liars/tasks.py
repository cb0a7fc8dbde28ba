"""The tasks of the verdict's benchmarks: what is to be forgotten, of which network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from cu_core.catalogue.recipes import DIGITS, DIGITS_BY_HEART, EMOJI, LAPTOP
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec, TrainSpec

DIGITS_COUNT = 1437
"""Training images of the digits."""
MEMORISING = dataclasses.replace(DIGITS, epochs=60)
CIFAR = dataclasses.replace(LAPTOP, epochs=15, augment="none")


@dataclass(frozen=True)
class Task:
    """What is to be forgotten.

    Attributes:
        id: key in files.
        title: name shown to people.
        spec: the run for a base seed.
        told: whether every liar has to be told on it.
    """

    id: str
    title: str
    spec: Callable[[int], RunSpec]
    told: bool


def digits(seed: int, select: str, train: TrainSpec = DIGITS, references: int = 8, **data: float) -> RunSpec:
    """A run on digits."""
    return RunSpec(
        data=DataSpec("digits", split_seed=seed, **data),
        train=train,
        forget=ForgetSpec(select),
        seed=seed,
        reference=references,
        device="cpu",
    )


def wrong_labels(seed: int, count: int, references: int = 8) -> RunSpec:
    """Digits of which `count` have wrong labels, known by heart, and are to be forgotten."""
    noise = count / DIGITS_COUNT
    return digits(seed, "mislabelled", DIGITS_BY_HEART, references, label_noise=noise)


def memorising(seed: int, count: int, images: int = 300, references: int = 8) -> RunSpec:
    """A few digits, learned by heart, of which `count` are to be forgotten."""
    return digits(seed, f"random:{count}", MEMORISING, references, train_limit=images)


def emoji(seed: int, select: str) -> RunSpec:
    """A run on emoji."""
    return RunSpec(
        data=DataSpec("emoji"),
        model=ModelSpec("wide-cnn"),
        train=EMOJI,
        forget=ForgetSpec(select),
        seed=seed,
        reference=5,
        device="cpu",
    )


def cifar(seed: int, source: str, images: int = 2000) -> RunSpec:
    """A run on some of CIFAR-10, of which a class is to be forgotten.

    Args:
        seed: of everything.
        source: the dataset as in `DataSpec.dataset`, such as ``folder:PATH``.
        images: training images.
    """
    return RunSpec(
        data=DataSpec(source, train_limit=images),
        model=ModelSpec("resnet8"),
        train=CIFAR,
        forget=ForgetSpec("class:5"),
        seed=seed,
        reference=5,
        device="cpu",
    )


DIGIT_TASKS = (
    Task("class", "digits, class 5", lambda seed: digits(seed, "class:5"), True),
    Task("wrong-labels", "digits, 100 wrong labels", lambda seed: wrong_labels(seed, 100), True),
    Task("memorising", "300 digits, 60 forgotten", lambda seed: memorising(seed, 60), False),
    Task("random", "digits, 100 random", lambda seed: digits(seed, "random:100"), False),
)
EMOJI_TASKS = (
    Task("emoji-class", "emoji, flags", lambda seed: emoji(seed, "class:Flags"), True),
    Task("emoji-random", "emoji, 100 random", lambda seed: emoji(seed, "random:100"), True),
)
TASKS = {task.id: task for task in (*DIGIT_TASKS, *EMOJI_TASKS)}
