"""Rows of a table of file and label: CSV, TSV, a list with blanks between, or Parquet."""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cu_core.base.csv_rows import csv_rows
from cu_core.base.errors import DatasetError
from cu_core.base.heavy import later
from cu_core.data.layouts.class_order import normal
from cu_core.data.layouts.column_names import Columns, columns_of
from cu_core.data.layouts.parquet_files import opened_parquet
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.tree import Tree

ENDINGS = ("csv", "tsv", "txt", "lst", "parquet")
_HEAD = 2**16
_BATCH = 10_000
_MOST_BYTES = 256 * 2**20
pyarrow = later("pyarrow")


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        line: its number, from 1.
        file: as the table names it.
        label: name of a class; empty where there is none.
        split: name of a part; empty where there is none.
    """

    line: int
    file: str
    label: str
    split: str = ""


@dataclass(frozen=True)
class LabelTable:
    """A file that names files and labels.

    Attributes:
        name: its path.
        columns: which columns are meant.
        headers: titles of all columns; empty where the first line is a row.
        delimiter: between columns; empty for Parquet.
        encoding: of a text.
    """

    name: str
    columns: Columns
    headers: tuple[str, ...]
    delimiter: str = ""
    encoding: str = "utf-8-sig"

    @property
    def words(self) -> str:
        """Where it says what."""
        if not self.headers:
            return f"the first two columns of {self.name}"
        return f"{self.name} (columns {self.headers[self.columns.file]} and {self.headers[self.columns.label]})"

    def rows(self, tree: Tree) -> Iterator[Row]:
        """All rows in their order.

        Raises:
            DatasetError: it cannot be read.
        """
        for line, cells in self._cells(tree):
            columns = self.columns
            if len(cells) <= max(columns.file, columns.label):
                raise DatasetError(FIELD, f"{self.name} line {line} has {len(cells)} columns; one is missing")
            split = cells[columns.split] if 0 <= columns.split < len(cells) else ""
            # One text for each class and part, not one for each row.
            yield Row(line, cells[columns.file], sys.intern(_label(cells[columns.label])), sys.intern(split))

    def _cells(self, tree: Tree) -> Iterator[tuple[int, list[str]]]:
        if not self.delimiter:
            yield from _parquet_cells(tree, self)
            return
        rows = _text_cells(tree, self.name, self.delimiter, self.encoding)
        yield from itertools.islice(rows, 1 if self.headers else 0, None)


def table_of(tree: Tree, name: str) -> LabelTable | None:
    """The table that a file holds; None where it is none of files and labels."""
    with tree.open(name) as file:
        head = file.read(_HEAD)
    if head.startswith(b"PAR1"):
        return _parquet_table(tree, name)
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = head.decode(encoding, errors="replace")
    lines = [line for line in text.splitlines() if line.strip()][:2]
    if not lines or "\0" in text:
        return None
    for delimiter in (",", ";", "\t", "|"):
        if delimiter in lines[0]:
            headers = tuple(cell.strip() for cell in next(csv.reader([lines[0]], delimiter=delimiter), []))
            if columns := columns_of(headers):
                return LabelTable(name, columns, headers, delimiter, encoding)
    return _bare_list(tree, name, lines[0], encoding)


def _bare_list(tree: Tree, name: str, line: str, encoding: str) -> LabelTable | None:
    """A list without headers whose first column names a file that is there."""
    folder = name.rpartition("/")[0]
    for delimiter in (",", ";", "\t", " "):
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        if len(cells) == 2 and all(cells):
            path = cells[0].replace("\\", "/").removeprefix("./")
            if tree.has_file(f"{folder}/{path}" if folder else path):
                return LabelTable(name, Columns(0, 1), (), delimiter, encoding)
    return None


def _text_cells(tree: Tree, name: str, delimiter: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    if tree.size(name) > _MOST_BYTES:
        raise DatasetError(FIELD, f"{name} is larger than {_MOST_BYTES // 2**20} MB")
    yield from csv_rows(
        tree.read(name), name, lambda words: DatasetError(FIELD, words), delimiter=delimiter, encoding=encoding
    )


def _parquet_table(tree: Tree, name: str) -> LabelTable | None:
    with opened_parquet(tree, name) as file:
        headers = tuple(file.schema_arrow.names)
        columns = columns_of(headers)
        if columns is None or not pyarrow.types.is_string(_plain_type(file.schema_arrow.field(columns.file).type)):
            return None
    return LabelTable(name, columns, headers)


def _plain_type(kind: object) -> object:
    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type  # type: ignore[attr-defined]
    return pyarrow.string() if pyarrow.types.is_large_string(kind) else kind


def _parquet_cells(tree: Tree, table: LabelTable) -> Iterator[tuple[int, list[str]]]:
    columns = table.columns
    wanted = [place for place in (columns.file, columns.label, columns.split) if place >= 0]
    names = [table.headers[place] for place in wanted]
    line = 0
    with opened_parquet(tree, table.name) as file:
        for batch in file.iter_batches(_BATCH, columns=names):
            values = [batch.column(name).to_pylist() for name in names]
            for row in zip(*values, strict=True):
                line += 1
                cells = [""] * len(table.headers)
                for place, value in zip(wanted, row, strict=True):
                    cells[place] = "" if value is None else str(value).strip()
                yield line, cells


def _label(text: str) -> str:
    """A label as a name; whole numbers that a table program wrote with a fraction lose it."""
    whole, point, fraction = text.partition(".")
    return whole if point and whole.isdigit() and fraction.strip("0") == "" else normal(text)


def parquet_or_text(names: Sequence[str]) -> list[str]:
    """Those of some files that may be tables, by their ending."""
    return [name for name in names if name.lower().rpartition(".")[2] in ENDINGS]
