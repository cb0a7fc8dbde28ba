"""Forget sets listed by index in a CSV file."""

from __future__ import annotations

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.named_path import named_path
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Input, Known
from cu_core.data.images import ImageData
from cu_core.data.index_file import read_bounded, read_indices


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    listed = read_indices(values[0], draw.base, len(data.train_labels), FIELD)
    indices = np.unique(listed)
    return Chosen(indices, duplicates=len(listed) - len(indices))


def _count(values: tuple[str, ...], known: Known) -> int:
    """Lines of the file."""
    try:
        return read_bounded(named_path(values[0], FIELD), FIELD).count(b"\n") + 1
    except OSError as error:
        raise BadInput(FIELD, f"{values[0]} cannot be read ({error.strerror})") from error


INDICES = ForgetKind(
    "indices",
    "From a file",
    "The training samples whose indices a CSV file lists, one a line.",
    ("indices:FILE.csv",),
    _choose,
    lambda text: (text,),
    inputs=(Input("file", "Upload a CSV with one sample index per line", "file", ""),),
    says_all=True,
    count=_count,
)
