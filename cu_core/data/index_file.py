"""Sample indices from a CSV file."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.named_path import named_path

HEADERS = ("index", "sample", "id")
MAX_BYTES = 256 * 2**20
MOST_PROBLEMS = 1000
# The header is looked for in this much of a file.
CELL_BYTES = 2**16
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True)
class Scan:
    """What a file of indices holds.

    Attributes:
        indices: (k,) int64 in the order of the file, repeated ones included; wrong lines are left out.
        problems: number of each wrong line, and what is wrong with it in words; of the first `MOST_PROBLEMS`.
        wrong: how many lines are wrong in all.
    """

    indices: np.ndarray
    problems: tuple[tuple[int, str], ...] = ()
    wrong: int = 0


def read_indices(file: str, base: Path, total: int, field: str) -> np.ndarray:
    """Reads one index per line.

    The file has a single column, or a header of which one column is called index, sample or id (the
    first of these that there is). Commas or semicolons separate columns; blank lines are skipped.

    Args:
        file: the file's path as the user typed it.
        base: folder that relative paths start from.
        total: number of training samples; indices go from 0 to total - 1.
        field: name used in error messages.

    Returns:
        (k,) int64 in the order of the file, repeated ones included.

    Raises:
        BadInput: unreadable, empty, or a line that is no index; names the first such line and counts the others.
    """
    scan = scan_indices(file, base, total, field)
    if scan.problems:
        line, words = scan.problems[0]
        more = scan.wrong - 1
        also = f"; {more} more line{'s are' if more > 1 else ' is'} wrong" if more else ""
        raise BadInput(field, f"{Path(file).name} line {line}: {words}{also}", [f"0 to {total - 1}"])
    return scan.indices


def scan_indices(file: str, base: Path, total: int, field: str) -> Scan:
    """The same, but going on behind wrong lines, for a preview.

    Raises:
        BadInput: unreadable, empty, or without a column of indices.
    """
    path = named_path(file, field, ("indices:FILE.csv",), base)
    try:
        content = read_bounded(path, field)
    except OSError as error:
        raise BadInput(field, f"{file} cannot be read ({error.strerror})", ("indices:FILE.csv",)) from None
    rows = _rows(content, path, field)
    first = next(rows, None)
    if first is None:
        raise BadInput(field, f"{path.name} is empty", ("one index per line",))
    column, header = _column(first, path, field)
    # Line by line and as bare numbers: as a list of lists, a file would take a hundred times its size.
    indices = array("q")
    problems: list[tuple[int, str]] = []
    wrong = 0
    for line, row in rows if header else itertools.chain([first], rows):
        found = _index(row, column, len(first[1]), total)
        if isinstance(found, int):
            indices.append(found)
        else:
            wrong += 1
            if wrong <= MOST_PROBLEMS:
                problems.append((line, found))
    if not wrong and not indices:
        raise BadInput(field, f"{path.name} has a header but no index below it", ("one index per line",))
    return Scan(np.array(indices, dtype=np.int64), tuple(problems), wrong)


def read_bounded(path: Path, field: str) -> bytes:
    """The content of a file of indices.

    Raises:
        BadInput: larger than `MAX_BYTES`, or a pipe or device, which could be read for ever.
        OSError: it cannot be read.
    """
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise BadInput(field, f"{path.name} is not a file", ("indices:FILE.csv",))
    if found.st_size > MAX_BYTES:
        raise BadInput(field, f"{path.name} is larger than {MAX_BYTES // 2**20} MB")
    return path.read_bytes()


def _rows(content: bytes, path: Path, field: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not blank."""
    start = content[:CELL_BYTES].removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0]
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=";" if b";" in start else ",", strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except UnicodeDecodeError:
        raise BadInput(field, f"{path.name} is not a text file in UTF-8") from None
    except csv.Error as error:
        raise BadInput(field, f"{path.name} line {reader.line_num}: {error}") from None


def _column(first: tuple[int, list[str]], path: Path, field: str) -> tuple[int, bool]:
    """Which column holds the indices, and whether the first row is a header."""
    line, row = first
    names = [cell.lower() for cell in row]
    for header in HEADERS:
        if header in names:
            return names.index(header), True
    if len(row) > 1:
        raise BadInput(field, f"{path.name} line {line}: several columns and none is named as an index", HEADERS)
    return 0, False


def _index(row: list[str], column: int, columns: int, total: int) -> int | str:
    """The index on a line, or what is wrong with it."""
    if column >= len(row):
        return f"column {column + 1} is missing"
    if len(row) > columns and any(row[columns:]):
        return f"{_short(','.join(row))} has more columns than the {'header' if columns > 1 else 'first line'}"
    if not _WHOLE_NUMBER.fullmatch(row[column]):
        return f"{_short(row[column])} is not a whole number"
    index = int(row[column])
    return index if 0 <= index < total else f"{index} is out of range"


def _short(text: str, most: int = 60) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}…")
