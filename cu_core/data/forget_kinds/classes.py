"""Whole classes, by name or number."""

from __future__ import annotations

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Input, Known, class_label
from cu_core.data.images import ImageData


def _parse(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise BadInput(FIELD, f"{text!r} has an empty class name", ("class:5", "class:5,7"))
    return names


def _choose(names: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    """A name that is also a number means the name. Samples belong to the class that they are labelled with."""
    labels = set()
    for name in names:
        if (label := class_label(name, data.classes)) is not None:
            labels.add(label)
        else:
            allowed = [f"0 to {len(data.classes) - 1}", *data.classes[:20], *["…"][: len(data.classes) > 20]]
            raise BadInput(FIELD, f"the dataset has no class {name!r}", allowed, given=name)
    if len(labels) == len(data.classes):
        raise BadInput(FIELD, "all classes would be forgotten; nothing would be left to retain")
    classes = tuple(sorted(labels))
    return Chosen(np.flatnonzero(np.isin(data.train_labels, classes)), classes)


def _count(names: tuple[str, ...], known: Known) -> int:
    return round(known.train * len(names) / known.classes) if known.classes else 0


CLASSES = ForgetKind(
    "class",
    "Whole classes",
    "All training samples of the named classes, by name or number.",
    ("class:5", "class:5,7"),
    _choose,
    _parse,
    task="class",
    rule="class",
    inputs=(
        Input("classes", "Classes", "classes", ("0",), help="By name once the dataset is prepared, by number before."),
    ),
    says_all=True,
    count=_count,
)
