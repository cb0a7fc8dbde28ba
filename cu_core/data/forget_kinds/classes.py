"""Whole classes, by name or number."""

from __future__ import annotations

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.class_names import class_labels
from cu_core.catalogue.name_list import read_list
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Input, Known
from cu_core.data.images import ImageData


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    """Samples belong to the class that they are labelled with."""
    classes = tuple(sorted(class_labels(values[0], data.classes)))
    if len(classes) == len(data.classes):
        raise BadInput(FIELD, "all classes would be forgotten; nothing would be left to retain")
    return Chosen(np.flatnonzero(np.isin(data.train_labels, classes)), classes)


def _count(values: tuple[str, ...], known: Known) -> int:
    named = class_labels(values[0], known.names) if known.names else _listed(values[0])
    return round(known.train * len(named) / known.classes) if known.classes else 0


def _listed(text: str) -> tuple[str, ...]:
    try:
        return read_list(text, FIELD)
    except BadInput:  # the name of one class, if anything
        return (text,)


CLASSES = ForgetKind(
    "class",
    "Whole classes",
    "All training samples of the named classes, by name or number.",
    ("class:5", "class:5,7"),
    _choose,
    # Only among the classes of a dataset can be said whether a comma is part of a name.
    lambda text: (text,),
    task="class",
    rule="class",
    inputs=(
        Input("classes", "Classes", "classes", ("0",), help="By name once the dataset is prepared, by number before."),
    ),
    says_all=True,
    count=_count,
)
