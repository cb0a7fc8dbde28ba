"""The table of recorded samples, read from a file that may come from anywhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet

from cu_core.base.errors import BadInput
from cu_core.base.file_cache import cached_by_file
from cu_core.runstore.parquet_footer import footer_codecs

COLUMNS = ("sample", "split", "group", "label", "true_label", "rule")
_FIELD = "probe"
_WHOLE = ("sample", "label", "true_label")
# Twice the largest probe that can be asked for, which also records what the stopping rule looks at.
_MOST_ROWS = 2_000_000
_MOST_FILE = 2**26
_MOST_FOOTER = 2**14
"""Bytes of the part that describes the file; a probe's has two thousand."""
_CODECS = ("SNAPPY", "UNCOMPRESSED")
"""A probe is written with the first. Others can blow a few bytes up to gigabytes, whatever size the file claims."""
_TEXTS = ("split", "group")
_SPLITS, _GROUPS = ("train", "test"), ("forget", "retain", "unseen")


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
        table = _table(path)
        reason = _wrong(table)
        plain = table[list(COLUMNS)].astype(dict.fromkeys(_TEXTS, object)).reset_index(drop=True)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, pyarrow.ArrowException) as error:
        raise BadInput(_FIELD, f"cannot be read: {error}") from error
    if reason:
        raise BadInput(_FIELD, f"is damaged: {reason}")
    return plain


def probe_rows(run_dir: Path, name: str) -> int | None:
    """How many samples are recorded; None where that cannot be told. Reads a few bytes, once per file."""
    try:
        return _rows(run_dir / name)
    except (OSError, ValueError, TypeError, pyarrow.ArrowException):
        return None


@cached_by_file(maxsize=10_000)
def _rows(path: Path) -> int:
    return int(_about(path)[0].num_rows)


def _about(path: Path) -> tuple[pyarrow.parquet.FileMetaData, set[str]]:
    """What a file says of itself, if that is of a bounded size, and the codecs of its columns.

    Raises:
        ValueError: no plain file, too large, or it claims more than a probe can hold.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("no plain file")
    if found.st_size > _MOST_FILE:
        raise ValueError(f"more than {_MOST_FILE // 2**20} MB")
    codecs = footer_codecs(path, _MOST_FOOTER)
    about = pyarrow.parquet.read_metadata(path)
    if about.num_rows > _MOST_ROWS:
        raise ValueError(f"more than {_MOST_ROWS:,} samples")
    return about, codecs


def _columns(path: Path) -> list[str]:
    """Names of the columns of a table that is safe to read."""
    about, codecs = _about(path)
    if other := sorted(codecs - set(_CODECS)):
        raise ValueError(f"packed with {', '.join(other)}, a probe is with {_CODECS[0]}")
    schema = about.schema.to_arrow_schema()
    for name in set(COLUMNS) & set(schema.names):
        kind = schema.field(name).type
        texts = pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)
        if not (texts or pyarrow.types.is_primitive(kind) or pyarrow.types.is_null(kind)):
            raise ValueError(f"{name} holds {kind}")
    return list(schema.names)


def _table(path: Path) -> pd.DataFrame:
    """The columns; texts are read as numbers of a list first, since one long text a million times is a small file."""
    file = pyarrow.parquet.ParquetFile(path, read_dictionary=list(_TEXTS))
    table = file.read(columns=list(COLUMNS), use_threads=False).unify_dictionaries()
    for name in _TEXTS:
        chunks = table.column(name).chunks
        if (
            chunks
            and pyarrow.types.is_dictionary(chunks[0].type)
            and len(chunks[0].dictionary) > len(_GROUPS) + len(_SPLITS)
        ):
            raise ValueError(f"{name} holds many texts")
    return table.to_pandas()


def _wrong(table: pd.DataFrame) -> str:
    """What is wrong with the values, in words; empty if nothing is."""
    for name in _WHOLE:
        if not pd.api.types.is_integer_dtype(table[name].dtype) or (table[name] < 0).any():
            return f"{name} holds other things than numbers from 0"
    if not pd.api.types.is_bool_dtype(table["rule"].dtype):
        return "rule holds other things than true and false"
    for name, allowed in (("split", _SPLITS), ("group", _GROUPS)):
        if not table[name].isin(allowed).all():
            return f"{name} holds other things than {', '.join(allowed)}"
    return ""
