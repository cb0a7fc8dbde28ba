"""Sample indices from a CSV file."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cu_core.errors import BadInput

HEADERS = ("index", "sample", "id")
MAX_BYTES = 256 * 2**20
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True)
class Scan:
    """What a file of indices holds.

    Attributes:
        indices: (k,) int64 in the order of the file, repeated ones included; wrong lines are left out.
        problems: number of each wrong line, and what is wrong with it in words.
    """

    indices: np.ndarray
    problems: tuple[tuple[int, str], ...] = ()


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
        more = len(scan.problems) - 1
        also = f"; {more} more line{'s are' if more > 1 else ' is'} wrong" if more else ""
        raise BadInput(field, f"{Path(file).name} line {line}: {words}{also}", [f"0 to {total - 1}"])
    return scan.indices


def scan_indices(file: str, base: Path, total: int, field: str) -> Scan:
    """The same, but going on behind wrong lines, for a preview.

    Raises:
        BadInput: unreadable, empty, or without a column of indices.
    """
    try:
        path = base / Path(file).expanduser()
        content = _content(path, field)
    except (OSError, ValueError, RuntimeError) as error:  # ValueError: a null byte; RuntimeError: ~nobody
        reason = getattr(error, "strerror", None) or error
        raise BadInput(field, f"{file} cannot be read ({reason})", ("indices:FILE.csv",)) from None
    rows = _rows(content, path, field)
    if not rows:
        raise BadInput(field, f"{path.name} is empty", ("one index per line",))
    column, header = _column(rows[0], path, field)
    if not rows[header:]:
        raise BadInput(field, f"{path.name} has a header but no index below it", ("one index per line",))
    indices, problems = [], []
    for line, row in rows[header:]:
        found = _index(row, column, len(rows[0][1]), total)
        if isinstance(found, int):
            indices.append(found)
        else:
            problems.append((line, found))
    return Scan(np.array(indices, dtype=np.int64), tuple(problems))


def _content(path: Path, field: str) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(field, f"{path.name} is larger than {MAX_BYTES // 2**20} MB")
    return path.read_bytes()


def _rows(content: bytes, path: Path, field: str) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(field, f"{path.name} is not a text file in UTF-8") from None
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    try:
        cells = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise BadInput(field, f"{path.name} line {reader.line_num}: {error}") from None
    return [(line, row) for line, row in cells if any(row)]


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
        return f"{','.join(row)!r} has more columns than the {'header' if columns > 1 else 'first line'}"
    if not _WHOLE_NUMBER.fullmatch(row[column]):
        return f"{row[column]!r} is not a whole number"
    index = int(row[column])
    return index if 0 <= index < total else f"{index} is out of range"
