"""Forget sets of memorised samples: those whose label is least predictable from the other samples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.catalogue.selections import Chosen, Draw, ForgetKind, Input, Lacking, Told, fewer, whole_number
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.images import ImageData
from cu_core.data.memorisation import memorisation, read_scores
from cu_core.data.source import Progress


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    count = fewer(int(values[0]), len(data.train_labels))
    return Chosen(memorisation(data, draw.scores, draw.progress).highest(count))


def _fits(values: tuple[str, ...], data: ImageData) -> None:
    fewer(int(values[0]), len(data.train_labels))


def _why_not(data: DataSpec, objective: str) -> Lacking | None:
    if objective != "self-supervised":
        return None
    words = "an encoder is trained without labels, so there is none that it knows by heart"
    return Lacking("a model trained on labels", words)


def _ready(data: ImageData, scores: Path) -> bool:
    return read_scores(scores, data) is not None


def _prepare(data: ImageData, scores: Path, progress: Progress) -> Mapping[str, Any]:
    return {"out_of_sample_accuracy": round(memorisation(data, scores, progress).accuracy, 4)}


def _tell(values: tuple[str, ...], data: ImageData, indices: np.ndarray, scores: Path) -> Told | None:
    found = read_scores(scores, data)
    if found is None:
        return None
    own = found.scores[indices]
    words = (
        f"The classifier that has not seen a sample gives it its label for {found.accuracy:.0%} of all training "
        f"images, and for {float((own < 0).mean()):.0%} of these. The higher the first number, the more the choice "
        "can be trusted."
    )
    return Told(words, indices[np.argsort(-own, kind="stable")])


MEMORISED = ForgetKind(
    "memorised",
    "Most memorised",
    "The training images whose label a ridge classifier, fitted on all other images, finds least likely. Where "
    "it expects another class, a network that knows the label can only know it by heart (Feldman, 2020, "
    "arXiv 1906.05271); the more images you take, the more of them are merely hard.",
    ("memorised:100",),
    _choose,
    partial(whole_number, "memorised"),
    inputs=(Input("memorised", "Number of samples", "number", 100, step=50),),
    count=lambda values, known: int(values[0]),
    why_not=_why_not,
    fits=_fits,
    ready=_ready,
    prepare=_prepare,
    tell=_tell,
)
