"""Parquet files of a tree, opened so that a large one is read in small steps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from cu_core.base.errors import DatasetError
from cu_core.base.heavy import later
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.tree import Tree

_BUFFER = 2**20
# What a footer may ask for while it is read.
_MOST_TEXT, _MOST_ITEMS = 64 * 2**20, 2**20
parquet = later("pyarrow.parquet")
pyarrow = later("pyarrow")


@contextlib.contextmanager
def opened_parquet(tree: Tree, name: str) -> Iterator[Any]:
    """A `pyarrow.parquet.ParquetFile`; faults inside the block are said in words.

    Raises:
        DatasetError: damaged, or no Parquet file.
    """
    with tree.open(name) as raw:
        # Members of archives go forward only.
        source = raw if raw.seekable() else pyarrow.BufferReader(tree.read(name))
        try:
            with parquet.ParquetFile(
                source,
                pre_buffer=False,
                buffer_size=_BUFFER,
                thrift_string_size_limit=_MOST_TEXT,
                thrift_container_size_limit=_MOST_ITEMS,
            ) as file:
                yield file
        except DatasetError:
            raise
        except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise DatasetError(FIELD, f"{name} cannot be read as Parquet ({reason})") from None
