"""Forget sets drawn at random: a number or a share of the training samples."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Input, Known, fewer, whole_number
from cu_core.data.images import ImageData
from cu_core.data.sampling import FORGET, stream


def _some(count: int, total: int, seed: int) -> Chosen:
    return Chosen(np.sort(stream(seed, FORGET).permutation(total)[: fewer(count, total)]))


def _choose_count(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    return _some(int(values[0]), len(data.train_labels), draw.seed)


def _parse_share(text: str) -> tuple[str, ...]:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise BadInput(FIELD, f"fraction:{text} is not a share of the training samples", ("above 0 and below 1",))
    return (text,)


def _choose_share(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    total = len(data.train_labels)
    return _some(max(1, round(float(values[0]) * total)), total, draw.seed)


def _count_share(values: tuple[str, ...], known: Known) -> int:
    return round(known.train * float(values[0]))


RANDOM = ForgetKind(
    "random",
    "Random samples",
    "So many training samples, drawn with the selection seed.",
    ("random:500",),
    _choose_count,
    partial(whole_number, "random"),
    inputs=(Input("count", "Number of samples", "number", 100, step=50),),
    says_all=True,
    count=lambda values, known: int(values[0]),
    drawn=True,
)

FRACTION = ForgetKind(
    "fraction",
    "Random share",
    "Such a share of the training samples, drawn with the selection seed.",
    ("fraction:0.1",),
    _choose_share,
    _parse_share,
    inputs=(Input("fraction", "Share of the training images", "share", 0.1, step=0.05),),
    says_all=True,
    count=_count_share,
    drawn=True,
)
