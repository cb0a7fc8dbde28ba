"""Resolution of a forget set: from its text to indices of training samples."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.selections import FIELD, Draw, parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.copies import Copies, find_copies
from cu_core.data.images import ImageData
from cu_core.data.prepared import open_prepared
from cu_core.data.source import Progress, silent

# A folder's key reads all its names: runs of one sweep look at it once.
_KEPT_SECONDS = 10


@dataclass(frozen=True)
class ForgetSet:
    """The training samples to unlearn.

    Attributes:
        indices: (k,) int64, sorted and distinct, into the training images.
        task: ``"class"`` or ``"sample"``.
        classes: labels of the forgotten classes; empty for sample forgetting.
        duplicates: how many entries of a file were dropped because they repeat others.
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

    Args:
        text: one of `cu_core.catalogue.selections.forms`.
        data: the dataset.
        seed: decides random draws.
        base: folder that relative file names start from; the current one by default.
        scores: folder that keeps the scores behind ``memorised``; they are worked out each time by default.
        progress: told how far those are; may raise to cancel.

    Raises:
        BadInput: not a forget set of this dataset; nothing to forget, or too little to keep.
    """
    selection = parse_selection(text)
    found = selection.record.choose(selection.values, data, Draw(seed, base or Path(), scores, progress))
    _check_rest(found.indices, data)
    return ForgetSet(found.indices.astype(np.int64), selection.task, found.classes, found.duplicates)


def check_forget(spec: RunSpec, home: Home) -> None:
    """Refuses what a run would refuse about its forget set, as far as the dataset is prepared and no wait is needed.

    Args:
        spec: any run; relative paths in it are taken from the present folder.
        home: where prepared datasets lie.

    Raises:
        BadInput: not a forget set of this dataset; nothing to forget, or too little to keep.
    """
    try:
        data = _lately_prepared(spec.data, home.root, int(time.monotonic() / _KEPT_SECONDS))
    except LookupError:
        return
    check_on(data, spec.forget.select, spec.forget_seed)


def copies_of(spec: RunSpec, home: Home) -> Copies | None:
    """Copies of what a run is to forget; None where its dataset is not prepared, or its forget set needs a wait."""
    data = open_prepared(spec.data, home)
    selection = parse_selection(spec.forget.select)
    ready = selection.record.ready
    if data is None or (ready and not ready(data, home.scores)):
        return None
    return find_copies(data, resolve(spec.forget.select, data, spec.forget_seed, scores=home.scores).indices)


def check_on(data: ImageData, text: str, seed: int) -> None:
    """The same for a dataset at hand; see `check_forget`."""
    selection = parse_selection(text)
    if selection.record.fits:
        selection.record.fits(selection.values, data)
    else:
        resolve(text, data, seed)


@functools.lru_cache(maxsize=4)
def _lately_prepared(spec: DataSpec, root: Path, moment: int) -> ImageData:
    """The prepared dataset; the moment ends how long an answer is kept, and that there is none is not kept at all."""
    if (data := open_prepared(spec, Home(root))) is None:
        raise LookupError
    return data


def counts_per_class(forget: ForgetSet, data: ImageData) -> list[ClassCount]:
    """How many samples of each class are forgotten, for previews; one entry per class, in order."""
    classes = len(data.classes)
    train = np.bincount(data.train_labels, minlength=classes)
    forgotten = np.bincount(data.train_labels[forget.indices], minlength=classes)
    return [ClassCount(c, data.classes[c], int(forgotten[c]), int(train[c])) for c in range(classes)]


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
