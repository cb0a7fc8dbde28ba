"""Forget sets: the text that a user types, turned into indices of training samples."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.data.duplicates import nearest
from cu_core.data.images import ImageData
from cu_core.data.index_file import read_indices
from cu_core.data.memorisation import memorisation
from cu_core.data.sampling import FORGET, stream
from cu_core.data.source import Progress, silent

FIELD = "forget.select"
FORMS = (
    "class:5",
    "class:5,7",
    "random:500",
    "fraction:0.1",
    "indices:FILE.csv",
    "mislabelled",
    "memorised:100",
    "duplicates:17",
    "duplicates:17:10",
)
KINDS = ("class", "random", "fraction", "indices", "mislabelled", "memorised", "duplicates")
DUPLICATES = 10
"""Nearest images besides the named one, where ``duplicates:INDEX`` does not say how many."""

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Selection:
    """A forget set in words, checked for form only.

    Attributes:
        kind: one of `KINDS`.
        values: what stood behind the colon: several for ``class``, none for ``mislabelled``, sample and number of
            others for ``duplicates``.
    """

    kind: str
    values: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """``"class"`` if whole classes are forgotten, else ``"sample"``."""
        return "class" if self.kind == "class" else "sample"


@dataclass(frozen=True)
class ForgetSet:
    """The training samples to unlearn.

    Attributes:
        indices: (k,) int64, sorted and distinct, into the training images.
        task: ``"class"`` or ``"sample"``.
        classes: labels of the forgotten classes; empty for sample forgetting.
        duplicates: how many repeated indices of a file were dropped.
    """

    indices: np.ndarray
    task: str
    classes: tuple[int, ...] = ()
    duplicates: int = 0


@dataclass(frozen=True)
class ClassCount:
    """How much of one class is forgotten.

    Attributes:
        label: the class's number.
        name: its name.
        forget: training samples to unlearn.
        train: all its training samples.
    """

    label: int
    name: str
    forget: int
    train: int


def parse_selection(text: str) -> Selection:
    """Checks the form of a forget set without looking at any data.

    Args:
        text: one of `FORMS`.

    Raises:
        BadInput: not one of the forms, or a number that no dataset could satisfy.
    """
    kind, colon, rest = text.strip().partition(":")
    rest = rest.strip()
    if kind == "mislabelled":
        if colon:
            raise BadInput(FIELD, "mislabelled takes nothing behind a colon", FORMS)
        return Selection(kind)
    if kind not in KINDS:
        raise BadInput(FIELD, f"{text!r} is not a forget set", FORMS, given=text)
    if not rest:
        raise BadInput(FIELD, f"{kind} needs a value behind a colon", FORMS)
    if kind == "class":
        names = tuple(name.strip() for name in rest.split(","))
        if not all(names):
            raise BadInput(FIELD, f"{rest!r} has an empty class name", FORMS)
        return Selection(kind, names)
    if kind in ("random", "memorised"):
        _count(kind, rest)
    if kind == "duplicates":
        return Selection(kind, _sample_and_count(rest))
    if kind == "fraction":
        _share(rest)
    return Selection(kind, (rest,))


def resolve(
    text: str,
    data: ImageData,
    seed: int,
    base: Path | None = None,
    *,
    scores: Path | None = None,
    progress: Progress = silent,
) -> ForgetSet:
    """The forget set that a text names in a dataset.

    A class is named by its name or its number; a name that is also a number means the name. Samples
    belong to the class that they are labelled with, also where the label is noise.

    Args:
        text: one of `FORMS`.
        data: the dataset.
        seed: decides random draws.
        base: folder that relative file names start from; the current one by default.
        scores: folder that keeps the scores behind ``memorised``; they are worked out each time by default.
        progress: told how far those are; may raise to cancel.

    Raises:
        BadInput: not a forget set of this dataset; nothing to forget, or too little to keep.
    """
    selection = parse_selection(text)
    total = len(data.train_labels)
    duplicates = 0
    classes: tuple[int, ...] = ()
    if selection.kind == "class":
        classes = _classes(selection.values, data)
        indices = np.flatnonzero(np.isin(data.train_labels, classes))
    elif selection.kind == "random":
        indices = _draw(_count("random", selection.values[0]), total, seed)
    elif selection.kind == "fraction":
        indices = _draw(max(1, round(_share(selection.values[0]) * total)), total, seed)
    elif selection.kind == "indices":
        listed = read_indices(selection.values[0], base or Path(), total, FIELD)
        indices = np.unique(listed)
        duplicates = len(listed) - len(indices)
    elif selection.kind == "memorised":
        count = _fewer(_count("memorised", selection.values[0]), total)
        indices = memorisation(data, scores, progress).highest(count)
    elif selection.kind == "duplicates":
        sample, count = map(int, selection.values)
        indices = _near(data, sample, count)
    else:
        indices = data.mislabelled
        if len(indices) == 0:
            raise BadInput(FIELD, "no label of this dataset is known to be wrong; set label noise above 0")
    _check_rest(indices, data)
    return ForgetSet(indices.astype(np.int64), selection.task, classes, duplicates)


def counts_per_class(forget: ForgetSet, data: ImageData) -> list[ClassCount]:
    """How many samples of each class are forgotten, for previews; one entry per class, in order."""
    classes = len(data.classes)
    train = np.bincount(data.train_labels, minlength=classes)
    forgotten = np.bincount(data.train_labels[forget.indices], minlength=classes)
    return [ClassCount(c, data.classes[c], int(forgotten[c]), int(train[c])) for c in range(classes)]


def retain_indices(forget: ForgetSet, data: ImageData) -> np.ndarray:
    """(n - k,) int64, sorted: the training samples that are not forgotten."""
    return np.setdiff1d(np.arange(len(data.train_labels)), forget.indices)


def _count(kind: str, text: str) -> int:
    if not (_NUMBER.fullmatch(text) and int(text) > 0):
        raise BadInput(FIELD, f"{kind}:{text} is not a whole number of samples", (f"{kind}:1 or more",))
    return int(text)


def _sample_and_count(text: str) -> tuple[str, str]:
    sample, colon, count = (part.strip() for part in text.partition(":"))
    if not _NUMBER.fullmatch(sample):
        raise BadInput(FIELD, f"duplicates:{text} does not name a sample by its index", ("duplicates:INDEX:NUMBER",))
    if colon and not (_NUMBER.fullmatch(count) and int(count) > 0):
        raise BadInput(FIELD, f"duplicates:{text} does not say how many others", ("duplicates:INDEX:1 or more",))
    return sample, count or str(DUPLICATES)


def _near(data: ImageData, sample: int, count: int) -> np.ndarray:
    total = len(data.train_labels)
    if sample >= total:
        raise BadInput(FIELD, f"there is no training sample {sample}", [f"0 to {total - 1}"])
    return nearest(data.train_images, sample, _fewer(count + 1, total) - 1)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise BadInput(FIELD, f"fraction:{text} is not a share of the training samples", ("above 0 and below 1",))
    return share


def _draw(count: int, total: int, seed: int) -> np.ndarray:
    return np.sort(stream(seed, FORGET).permutation(total)[: _fewer(count, total)])


def _fewer(count: int, total: int) -> int:
    if count >= total:
        raise BadInput(FIELD, f"{count} of {total} training samples leaves nothing to retain", [f"1 to {total - 1}"])
    return count


def _classes(names: tuple[str, ...], data: ImageData) -> tuple[int, ...]:
    labels = set()
    for name in names:
        if name in data.classes:
            labels.add(data.classes.index(name))
        elif _NUMBER.fullmatch(name) and int(name) < len(data.classes):
            labels.add(int(name))
        else:
            allowed = [f"0 to {len(data.classes) - 1}", *data.classes[:20], *["…"][: len(data.classes) > 20]]
            raise BadInput(FIELD, f"the dataset has no class {name!r}", allowed, given=name)
    kept = len(data.classes) - len(labels)
    if kept == 0:
        raise BadInput(FIELD, "all classes would be forgotten; nothing would be left to retain")
    return tuple(sorted(labels))


def _check_rest(indices: np.ndarray, data: ImageData) -> None:
    total = len(data.train_labels)
    if len(indices) == 0:
        raise BadInput(FIELD, "no training sample is selected; there is nothing to forget")
    if len(indices) == total:
        raise BadInput(FIELD, f"all {total} training samples are selected; nothing would be left to retain")
    kept = np.ones(total, dtype=bool)
    kept[indices] = False
    if len(left := np.unique(data.train_labels[kept])) == 1:
        raise BadInput(
            FIELD,
            f"only class {data.classes[left[0]]!r} would be left to retain; with a single class there is nothing to "
            "tell apart, so a model that always answers with it would be perfect",
        )
