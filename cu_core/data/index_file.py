"""Training samples that a file lists, by index or by name; its content says of which kind it is, not its ending."""

from __future__ import annotations

import codecs
import io
import itertools
import json
import re
import stat
import zipfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.csv_rows import csv_rows
from cu_core.base.errors import BadInput
from cu_core.base.named_path import named_path
from cu_core.catalogue.spec import bare_name
from cu_core.data.array_file import MASKS, NAMES, NPY, read_npy, read_npz
from cu_core.data.name_lookup import NameLookup

HEADERS = ("index", "sample", "id")
NAME_HEADERS = ("file", "filename", "file_name", "name", "path", "file_path", "image", "image_path", "files", "names")
FORMS = ("indices:FILE.csv",)
MAX_BYTES = 256 * 2**20
# Of JSON, which takes many times its size when it is read.
MAX_JSON_BYTES = 32 * 2**20
MOST_PROBLEMS = 1000
# Up to so many entries that are all 0 or 1 are samples 0 and 1; more of them are a mask.
_FEW_FLAGS = 2
# The header is looked for in this much of a file.
CELL_BYTES = 2**16
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*|nan|[+-]?inf", re.IGNORECASE)
_OTHER = {
    b"\x80": "is a Python pickle, which could run code when it is opened",
    b"PAR1": "is a Parquet file",
    b"\x1f\x8b": "is compressed with gzip",
    b"\x89HDF": "is an HDF5 file",
}
_READ = ("CSV", "a list of file names", ".npy", ".npz", ".json")


@dataclass(frozen=True)
class Scan:
    """What a file of samples holds.

    Attributes:
        indices: (k,) int64 in the order of the file, repeated ones included; wrong lines are left out.
        problems: number of each wrong line, and what is wrong with it in words; of the first `MOST_PROBLEMS`.
        wrong: how many lines are wrong in all.
        unit: what is counted: ``"line"``, or ``"value"`` of an array or list, from 1 on.
    """

    indices: np.ndarray
    problems: tuple[tuple[int, str], ...] = ()
    wrong: int = 0
    unit: str = "line"


def read_indices(file: str, base: Path, total: int, field: str, names: NameLookup | None = None) -> np.ndarray:
    """Reads the samples that a file lists.

    Text has one sample per line in a single column, or a header of which one column is called index, sample or id, or
    file or name (the first of these that there is). Commas, semicolons or tabs separate columns; blank lines are
    skipped. A ``.npy`` or ``.npz`` file holds whole numbers, names, or a mask with one entry for each training sample;
    JSON a list of the same, or an object with such a list. More than two numbers that are all 0 or 1 are a mask, too,
    except below a header.

    Args:
        file: the file's path as the user typed it.
        base: folder that relative paths start from.
        total: number of training samples; indices go from 0 to total - 1.
        field: name used in error messages.
        names: of the samples; None where they have none.

    Returns:
        (k,) int64 in the order of the file, repeated ones included.

    Raises:
        BadInput: unreadable, empty, or a line that names no sample; says which the first is and counts the others.
    """
    scan = scan_indices(file, base, total, field, names)
    if scan.problems:
        place, words = scan.problems[0]
        more = scan.wrong - 1
        also = f"; {more} more {scan.unit}{'s are' if more > 1 else ' is'} wrong" if more else ""
        raise BadInput(field, f"{bare_name(file.strip())} {scan.unit} {place}: {words}{also}", [f"0 to {total - 1}"])
    return scan.indices


def scan_indices(file: str, base: Path, total: int, field: str, names: NameLookup | None = None) -> Scan:
    """The same, but going on behind wrong lines, for a preview.

    Raises:
        BadInput: unreadable, empty, or without anything that could be samples.
    """
    path = named_path(file, field, FORMS, base)
    try:
        content = read_bounded(path, field)
    except OSError as error:
        raise BadInput(field, f"{file} cannot be read ({error.strerror})", FORMS) from None
    known = names if names is not None and names.train else None
    kind = kind_of(content)
    if kind in ("npy", "npz"):
        key, values = _array(content, kind, bare_name(path.name), field)
        return _scan_array(values, bare_name(path.name), total, field, known, key)
    if kind == "json":
        key, listed = _json_list(content, bare_name(path.name), field)
        return _scan_list(listed, bare_name(path.name), total, field, known, key)
    return _scan_text(content, path, total, field, known)


def kind_of(content: bytes) -> str:
    """What a content is read as: ``"npy"``, ``"npz"``, ``"json"`` or ``"csv"``, which stands for any text."""
    if content.startswith(NPY):
        return "npy"
    if content.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(content)):
        return "npz"
    start = content[:CELL_BYTES].removeprefix(codecs.BOM_UTF8).lstrip()
    # A file name may begin with a bracket, too; a list of them is no JSON.
    if start.startswith(b"{") or (start.startswith(b"[") and content.rstrip().endswith(b"]")):
        return "json"
    return "csv"


def count_listed(content: bytes, name: str, field: str) -> int:
    """How many samples a file lists, without looking at any data; the same entry twice counts twice.

    Raises:
        BadInput: it cannot be read.
    """
    kind = kind_of(content)
    if kind == "csv":
        return content.count(b"\n") + 1
    if kind == "json":
        key, listed = _json_list(content, name, field)
        values = np.array(listed if all(isinstance(value, int) for value in listed) else [2] * len(listed))
    else:
        key, values = _array(content, kind, name, field)
    return int(np.count_nonzero(values)) if _is_mask(values, key) else len(np.ravel(values))


def read_bounded(path: Path, field: str) -> bytes:
    """The content of a file of indices.

    Raises:
        BadInput: larger than `MAX_BYTES`, or a pipe or device, which could be read for ever.
        OSError: it cannot be read.
    """
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise BadInput(field, f"{bare_name(path.name)} is not a file", FORMS)
    if found.st_size > MAX_BYTES:
        raise BadInput(field, f"{bare_name(path.name)} is larger than {MAX_BYTES // 2**20} MB")
    return path.read_bytes()


def _array(content: bytes, kind: str, name: str, field: str) -> tuple[str, np.ndarray]:
    """Name and values of the array of a NumPy file; one that stands alone has no name."""
    if kind == "npy":
        return "", read_npy(content, name, field)
    return read_npz(content, name, field, MAX_BYTES)


def _is_mask(values: np.ndarray, key: str) -> bool:
    """Whether values say of each sample if it is meant, rather than which samples are."""
    if values.dtype == bool or key.lower() in MASKS:
        return True
    return values.dtype.kind in "iu" and values.size > _FEW_FLAGS and bool(((values == 0) | (values == 1)).all())


def _scan_array(values: np.ndarray, name: str, total: int, field: str, names: NameLookup | None, key: str) -> Scan:
    if values.ndim != 1:
        raise BadInput(field, f"{name} holds an array of shape {values.shape}", ("one row of whole numbers",))
    if len(values) == 0:
        raise BadInput(field, f"{name} is empty", ("one index or more",))
    if _is_mask(values, key):
        return _scan_mask(values, name, total, field)
    if values.dtype.kind in "US":
        try:
            texts = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values.tolist()]
        except ValueError:
            raise BadInput(field, f"{name} is damaged: it holds letters that do not exist") from None
        return _collect(enumerate(texts, 1), total, names, "value")
    if values.dtype.kind not in "iu":
        words = "real numbers" if values.dtype.kind == "f" else f"values of type {values.dtype}"
        raise BadInput(field, f"{name} holds {words}", ("whole numbers", "a mask of True and False"))
    outside = np.flatnonzero((values < 0) | (values >= total))
    problems = [(int(place) + 1, f"{values[place]} is out of range") for place in outside[:MOST_PROBLEMS]]
    return Scan(np.delete(values, outside).astype(np.int64), tuple(problems), len(outside), "value")


def _scan_mask(values: np.ndarray, name: str, total: int, field: str) -> Scan:
    if values.dtype.kind not in "biuf" or not ((values == 0) | (values == 1)).all():
        raise BadInput(field, f"{name} is named as a mask, but holds other values than 0 and 1", ("True and False",))
    if len(values) != total:
        if values.dtype != bool:
            words = f"{name} holds {len(values):,} values that are all 0 or 1, as a mask of {total:,} training samples"
            raise BadInput(field, f"{words} would, but of another length", [f"{total} entries", "indices, once each"])
        words = f"{name} is a mask with {len(values):,} entries for {total:,} training samples"
        raise BadInput(field, words, [f"{total} entries"])
    if not values.any():
        raise BadInput(field, f"{name} is a mask that marks no sample")
    return Scan(np.flatnonzero(values), unit="value")


def _json_list(content: bytes, name: str, field: str) -> tuple[str, list[Any]]:
    """The list of a JSON file, or that of its object which is named as one of samples, with its name."""
    if len(content) > MAX_JSON_BYTES:
        raise BadInput(field, f"{name} is JSON larger than {MAX_JSON_BYTES // 2**20} MB", ("a .npy file",))
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise BadInput(field, f"{name} line {error.lineno}: is not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, a number without end, brackets without end
        raise BadInput(field, f"{name} is not JSON that can be read ({type(error).__name__})") from None
    key = ""
    if isinstance(found, dict):
        keys = [key for key in (*NAMES, *NAME_HEADERS) if isinstance(found.get(key), list)]
        if not keys:
            listed = ", ".join(map(repr, list(found)[:10]))
            raise BadInput(field, f"{name} has no list of samples (its keys are {listed or 'none'})", NAMES)
        key, found = keys[0], found[keys[0]]
    if not isinstance(found, list):
        raise BadInput(field, f"{name} holds no list", ("a list of whole numbers or names",))
    return key, found


def _scan_list(values: list[Any], name: str, total: int, field: str, names: NameLookup | None, key: str) -> Scan:
    if not values:
        raise BadInput(field, f"{name} is empty", ("one index or more",))
    if all(value in ("0", "1") for value in values):
        values = list(map(int, values))
    if all(isinstance(value, int) and 0 <= value <= 1 for value in values) or key in MASKS:
        # Lists within the list make no array of numbers.
        flags = np.array([value if isinstance(value, (bool, int, float)) else "" for value in values])
        if _is_mask(flags, key):
            return _scan_mask(flags, name, total, field)
    return _collect(enumerate(values, 1), total, names, "value")


def _scan_text(content: bytes, path: Path, total: int, field: str, names: NameLookup | None) -> Scan:
    for magic, words in _OTHER.items():
        if content.startswith(magic):
            raise BadInput(field, f"{bare_name(path.name)} {words}; this is not read", _READ)
    if names and (lines := _names_alone(content, names)):
        return _collect(lines, total, names, "line", named=True)
    rows = _rows(content, path, field)
    first = next(rows, None)
    if first is None:
        raise BadInput(field, f"{bare_name(path.name)} is empty", ("one index per line",))
    if masks := [cell for cell in first[1] if cell.lower() in MASKS]:
        if len(first[1]) > 1:
            mixed = f"{bare_name(path.name)} has a column {masks[0]!r} beside others"
            words = f"{mixed}, so whether all of its lines are meant is unclear"
            raise BadInput(field, words, ("a column of the samples to forget", f"{masks[0]} alone"))
        scan = _collect(_cells(rows, 0, 1), 2, None, "line")
        return scan if scan.wrong else _scan_mask(scan.indices, bare_name(path.name), total, field)
    column, header, named = _column(first, path, field, names)
    cells = _cells(rows if header else itertools.chain([first], rows), column, len(first[1]))
    scan = _collect(cells, total, names, "line", named=named)
    if not header and not scan.wrong and not named and _is_mask(scan.indices, ""):
        return _scan_mask(scan.indices, bare_name(path.name), total, field)
    if not scan.wrong and not len(scan.indices):
        raise BadInput(field, f"{bare_name(path.name)} has a header but no index below it", ("one index per line",))
    return scan


@dataclass(frozen=True)
class _Fault:
    """What is wrong with a line before its value is looked at."""

    words: str


def _collect(
    entries: Iterable[tuple[int, Any]], total: int, names: NameLookup | None, unit: str, *, named: bool = False
) -> Scan:
    """The samples that entries mean; `named` says that they are names even where they look like numbers."""
    # One by one and as bare numbers: as a list of lists, a file would take a hundred times its size.
    indices = array("q")
    problems: list[tuple[int, str]] = []
    wrong = 0
    for place, value in entries:
        found = value.words if isinstance(value, _Fault) else _meant(value, total, names, named)
        if isinstance(found, int):
            indices.append(found)
        else:
            wrong += 1
            if wrong <= MOST_PROBLEMS:
                problems.append((place, found))
    return Scan(np.array(indices, dtype=np.int64), tuple(problems), wrong, unit)


def _meant(value: Any, total: int, names: NameLookup | None, named: bool) -> int | str:
    """The sample that an entry means, or what is wrong with it."""
    if isinstance(value, str):
        if named and names:
            return names.find(value)
        if not _WHOLE_NUMBER.fullmatch(value):
            is_name = names is not None and value and not _NUMBER.fullmatch(value)
            return names.find(value) if names and is_name else f"{_short(value)} is not a whole number"
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{_short(json.dumps(value))[1:-1]} is not a whole number"
    return value if 0 <= value < total else f"{_short(str(value))[1:-1]} is out of range"


def _names_alone(content: bytes, names: NameLookup) -> Iterator[tuple[int, str]] | None:
    """The lines of a text that has nothing but a name in each, commas and all; None for other texts."""
    try:
        start = content[:CELL_BYTES].removeprefix(codecs.BOM_UTF8).decode(errors="ignore")
        first = next((line for line in start.splitlines() if line.strip()), "")
        if not names.is_name(first):
            return None
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        return None
    return ((number, line.strip()) for number, line in enumerate(lines, 1) if line.strip())


def _rows(content: bytes, path: Path, field: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not blank."""
    start = content[:CELL_BYTES].removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0]
    delimiter = ";" if b";" in start else "\t" if b"\t" in start.strip() and b"," not in start else ","
    return csv_rows(
        content, bare_name(path.name), lambda words: BadInput(field, words), delimiter=delimiter, strict=True
    )


def _column(first: tuple[int, list[str]], path: Path, field: str, names: NameLookup | None) -> tuple[int, bool, bool]:
    """Which column holds the samples, whether the first row is a header, and whether they are called by name."""
    line, row = first
    cells = [cell.lower() for cell in row]
    for header in (*HEADERS, *(NAME_HEADERS if names else ())):
        if header in cells:
            return cells.index(header), True, header in NAME_HEADERS
    if len(row) > 1:
        by_name = [place for place, cell in enumerate(row) if names and names.is_name(cell)]
        if by_name:
            return by_name[0], False, True
        known = (*HEADERS, *NAME_HEADERS[:1]) if names else HEADERS
        raise BadInput(
            field, f"{bare_name(path.name)} line {line}: several columns and none is named as an index", known
        )
    return 0, False, False


def _cells(rows: Iterable[tuple[int, list[str]]], column: int, columns: int) -> Iterator[tuple[int, str | _Fault]]:
    """The cell of each row that holds its sample."""
    for line, row in rows:
        if column >= len(row):
            yield line, _Fault(f"column {column + 1} is missing")
        elif len(row) > columns and any(row[columns:]):
            behind = "header" if columns > 1 else "first line"
            yield line, _Fault(f"{_short(','.join(row))} has more columns than the {behind}")
        else:
            yield line, row[column]


def _short(text: str, most: int = 60) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}…")
