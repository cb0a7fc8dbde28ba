"""Forget sets of one sample and its nearest duplicates."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.selections import FIELD, NUMBER, Chosen, Draw, ForgetKind, Input, Known, Told, fewer
from cu_core.data.duplicates import distances, nearest
from cu_core.data.images import ImageData

OTHERS = 10
"""Nearest images besides the named one, where ``duplicates:INDEX`` does not say how many."""


def _parse(text: str) -> tuple[str, ...]:
    sample, colon, count = (part.strip() for part in text.partition(":"))
    if not NUMBER.fullmatch(sample):
        raise BadInput(FIELD, f"duplicates:{text} does not name a sample by its index", ("duplicates:INDEX:NUMBER",))
    if colon and not (NUMBER.fullmatch(count) and int(count) > 0):
        raise BadInput(FIELD, f"duplicates:{text} does not say how many others", ("duplicates:INDEX:1 or more",))
    return sample, count or str(OTHERS)


def _fits(values: tuple[str, ...], data: ImageData) -> None:
    sample, count = map(int, values)
    total = len(data.train_labels)
    if sample >= total:
        raise BadInput(FIELD, f"there is no training sample {sample}", [f"0 to {total - 1}"])
    fewer(count + 1, total)


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    _fits(values, data)
    sample, count = map(int, values)
    return Chosen(nearest(data.train_images, sample, count))


def _count(values: tuple[str, ...], known: Known) -> int:
    return int(values[1]) + 1


def _tell(values: tuple[str, ...], data: ImageData, indices: np.ndarray, scores: Path) -> Told:
    sample = int(values[0])
    far = distances(data.train_images, sample)[indices]
    others = np.sort(far[indices != sample])
    label = int(data.train_labels[sample])
    same = int((data.train_labels[indices] == label).sum()) - 1
    words = (
        f"Sample {sample} ({data.classes[label]}) and its {len(others)} nearest others, {same} of them of its "
        f"class. Distances from {others[0]:.3f} to {others[-1]:.3f}: 0 is the same picture, 1.41 an unrelated one."
    )
    return Told(words, indices[np.argsort(far, kind="stable")])


NEAR_DUPLICATES = ForgetKind(
    "duplicates",
    "Near duplicates",
    "The sample and the training images that look most like it: smallest distance of the pictures, averaged to 8×8 "
    "px and brought to the same brightness and contrast.",
    ("duplicates:17", "duplicates:17:10"),
    _choose,
    _parse,
    inputs=(
        Input(
            "sample",
            "Training sample",
            "number",
            0,
            help="Its place in the training images, as the Drift page and its table give it.",
        ),
        Input("near", "Nearest others", "number", OTHERS, step=5),
    ),
    count=_count,
    costly=True,
    fits=_fits,
    tell=_tell,
)
