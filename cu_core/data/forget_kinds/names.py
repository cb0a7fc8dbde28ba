"""Forget sets of samples by name, one by one or by pattern."""

from __future__ import annotations

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.name_list import read_list
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Input
from cu_core.data.images import ImageData
from cu_core.data.name_lookup import GLOB, NameLookup


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    """A text that is itself the name of a sample means that sample, commas and stars included."""
    (text,) = values
    lookup = NameLookup(data.names)
    if not lookup.train:
        raise BadInput(FIELD, "the samples of this dataset have no names", ("indices:FILE.csv", "random:500"))
    patterns = (text,) if lookup.is_name(text) else read_list(text, FIELD)
    return Chosen(np.unique(np.concatenate([_fitting(pattern, lookup) for pattern in patterns])))


def _fitting(pattern: str, lookup: NameLookup) -> np.ndarray:
    found = lookup.find(pattern)
    if isinstance(found, int):
        return np.array([found])
    if GLOB.search(pattern) and len(fitting := lookup.matching(pattern)):
        return fitting
    raise BadInput(FIELD, found)


NAMED = ForgetKind(
    "names",
    "By name",
    "Training samples by the name of their file or picture. A star stands for any letters (cat/*, */google), a comma "
    "separates names, and a name that holds one stands in double quotes.",
    ("names:cat/1.png", "names:cat/*,dog/7.png"),
    _choose,
    lambda text: (text,),
    inputs=(Input("names", "Names", "text", ""),),
)
