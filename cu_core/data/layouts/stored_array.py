"""A NumPy array in a file of a tree, read row by row: it may be larger than memory."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from cu_core.base.errors import DatasetError
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.tree import Tree

_STEP = 2**20
# Labels of a set of images; a text of a label may be long.
_MOST_LABEL_BYTES = 256 * 2**20
_KINDS = "buif"


class StoredArray:
    """An array as ``.npy`` stores it.

    Args:
        tree: what the file lies in.
        name: its path.

    Attributes:
        shape: of the whole.
        dtype: of its values.

    Raises:
        DatasetError: no such array, one of Python objects, or one that is cut off.
    """

    def __init__(self, tree: Tree, name: str) -> None:
        self._tree, self.name = tree, name
        with self._opened() as file:
            self.shape, self.dtype, self._start = self._header(file)
        self._row = math.prod(self.shape[1:]) * self.dtype.itemsize
        wanted = self._start + self._row * (self.shape[0] if self.shape else 1)
        if tree.size(name) < wanted:
            raise DatasetError(FIELD, f"{name} is cut off: {tree.size(name):,} of {wanted:,} bytes are there")

    def whole(self) -> np.ndarray:
        """All values, for arrays that are small.

        Raises:
            DatasetError: it is larger than labels are.
        """
        if self._row * (self.shape[0] if self.shape else 1) > _MOST_LABEL_BYTES:
            raise DatasetError(FIELD, f"{self.name} is too large for labels: {self._words()}")
        rows = list(self.rows(range(self.shape[0]))) if self.shape else []
        return np.stack(rows) if rows else np.empty(self.shape, self.dtype)

    def rows(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        """Yields the rows of some indices, fastest where they ascend.

        Raises:
            DatasetError: damaged.
        """
        file, at = self._opened(), -1
        try:
            for index in indices:
                if at < 0 or index < at:
                    file.close()
                    file, at = self._opened(), 0
                    self._skip(file, self._start)
                self._skip(file, (index - at) * self._row)
                content = file.read(self._row)
                if len(content) < self._row:
                    raise DatasetError(FIELD, f"{self.name} is cut off")
                at = index + 1
                yield np.frombuffer(content, self.dtype).reshape(self.shape[1:])
        finally:
            file.close()

    def _opened(self) -> io.BufferedReader:
        raw = self._tree.open(self.name)
        return raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(Any, raw), _STEP)

    def _skip(self, file: io.BufferedReader, count: int) -> None:
        if count and file.seekable():
            file.seek(count, io.SEEK_CUR)
            return
        while count > 0:
            part = file.read(min(count, _STEP))
            if not part:
                raise DatasetError(FIELD, f"{self.name} is cut off")
            count -= len(part)

    def _header(self, file: io.BufferedReader) -> tuple[tuple[int, ...], np.dtype, int]:
        counted = _Counted(file)
        try:
            version = np.lib.format.read_magic(cast(Any, counted))
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, in_columns, dtype = read(cast(Any, counted))
        except (ValueError, TypeError, SyntaxError, OverflowError, RecursionError, MemoryError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise DatasetError(FIELD, f"{self.name} is no array that NumPy can read ({reason})") from None
        if dtype.hasobject:
            raise DatasetError(
                FIELD,
                f"{self.name} holds Python objects, which only a program could read; save it as an array of one type",
            )
        if in_columns and len(shape) > 1:
            raise DatasetError(FIELD, f"{self.name} is stored column by column; save numpy.ascontiguousarray of it")
        if any(side < 0 for side in shape):
            raise DatasetError(FIELD, f"{self.name} has a side below zero")
        return shape, dtype, counted.done

    def _words(self) -> str:
        return f"{' × '.join(map(str, self.shape))} of {self.dtype}"


class _Counted:
    """Counts the bytes that are read."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.done = 0

    def read(self, size: int) -> bytes:
        part = self._file.read(size)
        self.done += len(part)
        return part


def holds_numbers(array: StoredArray) -> bool:
    """Whether an array is of numbers or truth values."""
    return array.dtype.kind in _KINDS
