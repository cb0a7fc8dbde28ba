"""Forget sets listed in a file, by index or by name."""

from __future__ import annotations

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.named_path import named_path
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Input, Known
from cu_core.data.images import ImageData
from cu_core.data.index_file import count_listed, read_bounded, read_indices
from cu_core.data.name_lookup import NameLookup


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    listed = read_indices(values[0], draw.base, len(data.train_labels), FIELD, NameLookup(data.names))
    indices = np.unique(listed)
    return Chosen(indices, duplicates=len(listed) - len(indices))


def _count(values: tuple[str, ...], known: Known) -> int:
    path = named_path(values[0], FIELD)
    try:
        return count_listed(read_bounded(path, FIELD), path.name, FIELD)
    except OSError as error:
        raise BadInput(FIELD, f"{values[0]} cannot be read ({error.strerror})") from error


INDICES = ForgetKind(
    "indices",
    "From a file",
    "The training samples that a file lists: CSV or text with an index or a file name in each line, a .npy or .npz "
    "array of indices or a mask, or JSON.",
    ("indices:FILE.csv",),
    _choose,
    lambda text: (text,),
    inputs=(Input("file", "Upload a list of samples: indices, file names or a mask", "file", ""),),
    count=_count,
)
