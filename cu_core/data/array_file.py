"""Arrays in NumPy's files, read from their bytes: never by unpickling, and nothing larger than the file itself."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib

import numpy as np

from cu_core.base.errors import BadInput

NPY = b"\x93NUMPY"
NAMES = ("indices", "index", "forget", "forget_indices", "forget_idx", "mask", "forget_mask", "samples", "ids")
"""Arrays of an ``.npz`` file with several, or keys of an object in JSON, that hold what is to be forgotten."""
MASKS = ("mask", "forget_mask")
"""Those of the `NAMES` that hold one entry for each training sample."""


def read_npy(content: bytes, name: str, field: str) -> np.ndarray:
    """The array of a ``.npy`` file.

    Args:
        content: its bytes.
        name: of the file, for errors.
        field: named in errors.

    Raises:
        BadInput: damaged, or made of Python objects.
    """
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, tokenize.TokenError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(field, f"{name} is a damaged .npy file ({first})") from None
    if dtype.hasobject:
        words = f"{name} holds pickled Python objects, which could run code when they are opened"
        raise BadInput(field, words, ("an array of whole numbers",))
    rest = content[file.tell() :]
    wanted = dtype.itemsize * math.prod(int(side) for side in shape)
    if wanted == 0 == len(rest):
        raise BadInput(field, f"{name} is empty", ("one index or more",))
    if len(rest) != wanted or any(side < 0 for side in shape):
        raise BadInput(field, f"{name} is cut off or damaged: {len(rest):,} bytes of values where {wanted:,} belong")
    return np.frombuffer(rest, dtype).reshape(shape)


def read_npz(content: bytes, name: str, field: str, most: int) -> tuple[str, np.ndarray]:
    """Name and values of the only array of an ``.npz`` file, or of several the one with one of the `NAMES`.

    Args:
        content: its bytes.
        name: of the file, for errors.
        field: named in errors.
        most: bytes that the array's file may have.

    Raises:
        BadInput: damaged, no such array, or not one of the kinds that `read_npy` reads.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            arrays = {key: info for key, info in arrays.items() if info.filename.endswith(".npy")}
            if not arrays:
                raise BadInput(field, f"{name} is a zip file without NumPy arrays", ("an .npz file of numpy.savez",))
            named = [key for key in NAMES if key in arrays]
            if len(arrays) > 1 and not named:
                listed = ", ".join(list(arrays)[:10])
                raise BadInput(field, f"{name} holds several arrays ({listed}) and none is named as an index", NAMES)
            key = named[0] if len(arrays) > 1 else next(iter(arrays))
            chosen = arrays[key]
            if chosen.file_size > most:
                raise BadInput(field, f"{name} holds an array larger than {most // 2**20} MB")
            with archive.open(chosen) as member:
                inner = member.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise BadInput(field, f"{name} is a damaged .npz file ({error})") from None
    return key, read_npy(inner, f"{name}, {chosen.filename}", field)
