"""The compression codecs that a Parquet file names, read off its footer in Python.

A footer may come from anywhere, and pyarrow's accessors of single columns end the whole process (an uncaught C++
exception) where it is damaged. Source: Apache Parquet's parquet.thrift, Thrift compact protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MAGIC = b"PAR1"
# FileMetaData.row_groups, RowGroup.columns, ColumnChunk.meta_data, ColumnMetaData.codec.
_CODEC = (4, 1, 3, 4)
_CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW")
_MOST_NESTED = 16
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _MAP, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 11, 12


def footer_codecs(path: Path, most: int) -> set[str]:
    """Names of the codecs of all columns.

    Args:
        path: a plain file.
        most: bytes that its footer may have.

    Raises:
        ValueError: no Parquet file with a footer in the clear, one that is too long, or one that cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or length > size - 8:
            raise ValueError("no Parquet file, or not a whole one")
        if length > most:
            raise ValueError(f"its description of itself has more than {most // 2**10} kB")
        file.seek(size - 8 - length)
        reader = _Reader(file.read(length))
    try:
        found = set(reader.struct(()))
    except IndexError:
        raise ValueError("its description of itself is cut off") from None
    return {_CODECS[number] if 0 <= number < len(_CODECS) else f"codec {number}" for number in found}


class _Reader:
    """Walks through a struct of the compact protocol; yields the integers at `_CODEC`, however often they stand there.

    Every step takes at least one byte, so the walk is no longer than the footer.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def struct(self, where: tuple[int, ...]) -> Iterator[int]:
        """All fields of a struct, whose own place is the field numbers that lead to it."""
        if len(where) > _MOST_NESTED:
            raise ValueError("its description of itself is nested too deeply")
        field = 0
        while (head := self._byte()) != 0:
            field = field + (head >> 4) if head >> 4 else self._integer()
            yield from self._value(head & 15, (*where, field), in_list=False)

    def _value(self, kind: int, where: tuple[int, ...], *, in_list: bool) -> Iterator[int]:
        if kind in _BOOLEANS:
            # Of a field, its type is its value.
            self.at += in_list
        elif kind == _BYTE:
            self.at += 1
        elif kind in _INTEGERS:
            number = self._integer()
            if where == _CODEC:
                yield number
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            length = self._unsigned()
            self.at += length
        elif kind in _LISTS:
            head = self._byte()
            for _ in range(head >> 4 if head >> 4 < 15 else self._unsigned()):
                yield from self._value(head & 15, where, in_list=True)
        elif kind == _MAP:
            count = self._unsigned()
            kinds = self._byte() if count else 0
            for _ in range(count):
                yield from self._value(kinds >> 4, (*where, -1), in_list=True)
                yield from self._value(kinds & 15, (*where, -2), in_list=True)
        elif kind == _STRUCT:
            yield from self.struct(where)
        else:
            raise ValueError("its description of itself has a value of no known kind")
        if self.at > len(self.data):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value
            if shift > 63:
                raise ValueError("its description of itself has an endless number")

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
