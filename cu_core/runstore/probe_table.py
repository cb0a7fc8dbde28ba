"""The table of recorded samples, read from a file that may come from anywhere."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet

from cu_core.base.errors import BadInput

COLUMNS = ("sample", "split", "group", "label", "true_label", "rule")
_FIELD = "probe"
_WHOLE = ("sample", "label", "true_label")
# Twice the largest probe that can be asked for, which also records what the stopping rule looks at.
_MOST_ROWS = 2_000_000
_MOST_BYTES = 2**30


def read_probe(path: Path) -> pd.DataFrame:
    """The table as it was recorded; other columns are left out.

    Raises:
        FileNotFoundError: it was not recorded yet.
        BadInput: damaged, too large, without a column that is needed, or with values that none of these can have.
    """
    try:
        lacking = [name for name in COLUMNS if name not in _columns(path)]
        if lacking:
            raise BadInput(_FIELD, f"lacks the columns {', '.join(lacking)}")
        table = pyarrow.parquet.read_table(path, columns=list(COLUMNS), partitioning=None).to_pandas()
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, pyarrow.ArrowException) as error:
        raise BadInput(_FIELD, f"cannot be read: {error}") from error
    if reason := _wrong(table):
        raise BadInput(_FIELD, f"is damaged: {reason}")
    return table[list(COLUMNS)].reset_index(drop=True)


def probe_rows(run_dir: Path, name: str) -> int | None:
    """How many samples are recorded; None where that cannot be told. Reads a few bytes, once per file."""
    try:
        found = os.stat(run_dir / name)
        return _rows(str(run_dir / name), found.st_ino, found.st_size, found.st_mtime_ns)
    except (OSError, ValueError, TypeError, pyarrow.ArrowException):
        return None


@lru_cache(maxsize=10_000)
def _rows(path: str, inode: int, size: int, changed: int) -> int:
    return int(pyarrow.parquet.read_metadata(path).num_rows)


def _columns(path: Path) -> list[str]:
    """Names of the columns of a table that is not too large to read."""
    if not path.is_file() and path.exists():
        raise ValueError("no plain file")
    about = pyarrow.parquet.read_metadata(path)
    groups = (about.row_group(k) for k in range(about.num_row_groups))
    if about.num_rows > _MOST_ROWS or sum(group.total_byte_size for group in groups) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_ROWS:,} samples or {_MOST_BYTES // 2**20} MB")
    return list(about.schema.to_arrow_schema().names)


def _wrong(table: pd.DataFrame) -> str:
    """What is wrong with the values, in words; empty if nothing is."""
    for name in _WHOLE:
        if not pd.api.types.is_integer_dtype(table[name].dtype) or (table[name] < 0).any():
            return f"{name} holds other things than numbers from 0"
    if not pd.api.types.is_bool_dtype(table["rule"].dtype):
        return "rule holds other things than true and false"
    for name, allowed in (("split", ("train", "test")), ("group", ("forget", "retain", "unseen"))):
        if not table[name].isin(allowed).all():
            return f"{name} holds other things than {', '.join(allowed)}"
    return ""
