"""A table of file and label in the root, or beside the images."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.layouts.column_names import FILES, LABELS
from cu_core.data.layouts.part_names import TRAIN, UNSEEN, is_part, part_in, parts_among, unused_words
from cu_core.data.layouts.picture_files import PICTURE, SUFFIXES, picture_kind
from cu_core.data.layouts.set_listing import LabelledImages, Layout, Listing, quoted
from cu_core.data.layouts.table_rows import LabelTable, Row, parquet_or_text, table_of
from cu_core.data.source import Progress
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.tree import Tree, unread

# Up to this share of rows may name files that are not there.
MISSING_SHARE = 0.01
# Tables of what is to be handed in name the files of an unseen part with made-up labels.
_NO_LABELS = ("submission",)


@dataclass(frozen=True)
class TableLayout(Layout):
    """See the module.

    Attributes:
        tree: the files.
        tables: the tables, one for each part or one for all.
        focused: whether the user named the table itself.
    """

    tree: Tree
    tables: tuple[LabelTable, ...]
    focused: bool

    @override
    def watched(self) -> Iterable[str]:
        names = [table.name for table in self.tables]
        if not self.focused:
            return [*names, *self.tree.files]
        # The folder around a table that was named may hold anything else.
        finder = _Finder(self.tree, names[0])
        found = (finder.find(row.file) for table in self.tables for row in table.rows(self.tree))
        return itertools.chain(names, sorted({name for name in found if name}))

    @override
    def listing(self, spec: DataSpec, progress: Progress) -> Listing:
        read = _Rows(self.tree, self.tables)
        used, unseen, words, left_out = self._parts(read)
        if not read.parts[used][0]:
            raise DatasetError(FIELD, f"{self._named()} names no image that is there", ("paths of files beside it",))
        others = [] if self.focused else self.tree.files
        known = {name for names, _ in read.parts.values() for name in names}
        spare = sum(name not in known and picture_kind(self.tree, name) == PICTURE for name in others)
        unnamed = [(f"images that {self._named()} does not name", spare)] if spare else []
        return Listing(
            LabelledImages(*read.parts[used]),
            LabelledImages(*read.parts[unseen]) if unseen else None,
            f"A table of files and labels: {' and '.join(table.words for table in self.tables)}.",
            words,
            content=self.tree.read,
            skipped=(*read.skipped(), *left_out, *unnamed),
            notes=tuple(read.notes),
        )

    def _parts(self, read: _Rows) -> tuple[str, str, str, list[tuple[str, int]]]:
        """Keys of the training part and of the unseen one, a sentence, and parts that are left out."""
        if not any(map(is_part, read.parts)):
            read.merge()
            return "", "", "", []
        if "" in read.parts:
            rows = len(read.parts.pop("")[0])
            read.notes.append(f"{rows:,} rows name no part and are not used.")
        found = parts_among(read.parts)
        unknown = set(read.parts) - {found.train, *found.unseen}
        if unknown or not found.train:
            reason = f"parts named {quoted(unknown)}" if unknown else "no training part"
            raise DatasetError(FIELD, f"{self._named()} has {reason}", (*TRAIN[:1], *UNSEEN))
        labelled = [part for part in found.unseen if read.parts[part][0]]
        if not labelled:
            return found.train, "", "", []
        used, *others = labelled
        left = unused_words(used, [(part, len(read.parts[part][0])) for part in others])
        return found.train, used, f"The unseen images are those of the part {used}.", left

    def _named(self) -> str:
        return " and ".join(table.name for table in self.tables)


def tables_at(tree: Tree, folders: Sequence[str], focus: str = "") -> TableLayout | None:
    """The layout, where a table in one of some folders names files that are there.

    Raises:
        DatasetError: several such tables, or one that was asked for and is none.
    """
    if focus:
        table = table_of(tree, focus)
        if table is None:
            raise DatasetError(
                FIELD,
                f"{focus} has no columns of files and of labels",
                (
                    "a column of files, such as " + ", ".join(FILES[:4]),
                    "one of labels, such as " + ", ".join(LABELS[:6]),
                ),
            )
        return TableLayout(tree, (table,), True)
    found = [table for folder in folders for table in _tables_in(tree, folder)]
    if not found:
        return None
    by_part = Counter(part_in(table.name) for table in found)
    if len(found) > 1 and ("" in by_part or max(by_part.values()) > 1):
        raise DatasetError(
            FIELD, f"several tables name files and labels: {quoted(table.name for table in found)}; name one of them",
            ("folder:PATH of the table",),
        )  # fmt: skip
    return TableLayout(tree, tuple(sorted(found, key=lambda table: part_in(table.name) not in TRAIN)), False)


def _tables_in(tree: Tree, folder: str) -> Iterator[LabelTable]:
    for name in parquet_or_text(tree.names_in(folder)[1]):
        path = f"{folder}/{name}" if folder else name
        if any(word in name.lower() for word in _NO_LABELS):
            continue
        try:
            table = table_of(tree, path)
            finder = _Finder(tree, path)
            # The first rows may name files that were lost.
            named = table and any(finder.find(row.file) for row in itertools.islice(table.rows(tree), 20))
        except DatasetError as error:
            tree.passed.faulty[path] = error.reason
        except OSError as error:
            tree.passed.faulty[path] = unread(path, error).reason
        else:
            if table and named:
                yield table


class _Rows:
    """Reads all rows of all tables.

    Attributes:
        parts: names and classes by part; an empty text where no part is named.
        notes: sentences.
    """

    def __init__(self, tree: Tree, tables: Sequence[LabelTable]) -> None:
        self.parts: dict[str, tuple[list[str], list[str]]] = {}
        self.notes: list[str] = []
        self._label: dict[str, tuple[str, str]] = {}
        self._missing: list[str] = []
        self._absent = self._unlabelled = self._again = 0
        rows = 0
        for table in tables:
            finder = _Finder(tree, table.name)
            part = part_in(table.name) if len(tables) > 1 else ""
            for row in table.rows(tree):
                rows += 1
                self._take(row, part, table.name, finder)
        if self._absent > max(1, rows * MISSING_SHARE):
            raise DatasetError(
                FIELD,
                f"{self._absent:,} of {rows:,} rows name files that are not there: {quoted(self._missing)}",
                ("paths seen from the table or from the root",),
            )

    def merge(self) -> None:
        """Makes one part of all, where the names of parts mean something else."""
        if others := set(self.parts) - {""}:
            self.notes.append(f"A column that could name parts has none of their names ({quoted(others)}): not used.")
        merged: tuple[list[str], list[str]] = ([], [])
        for names, classes in self.parts.values():
            merged[0].extend(names)
            merged[1].extend(classes)
        self.parts = {"": merged}

    def skipped(self) -> list[tuple[str, int]]:
        """Rows that were passed over."""
        pairs = (
            (f"rows whose file is not there ({quoted(self._missing)})", self._absent),
            ("rows without a label", self._unlabelled),
            ("rows that say again what one before them says", self._again),
        )
        return [(words, count) for words, count in pairs if count]

    def _take(self, row: Row, part: str, table: str, finder: _Finder) -> None:
        part = row.split or part
        names, classes = self.parts.setdefault(part, ([], []))
        if not row.label:
            self._unlabelled += 1
            return
        name = finder.find(row.file)
        if not name:
            self._absent += 1
            if len(self._missing) < 100:
                self._missing.append(row.file[:100])
            return
        before = self._label.setdefault(name, said := (row.label, part))
        if before is said:
            names.append(name)
            classes.append(row.label)
        elif before == said:
            self._again += 1
        else:
            raise DatasetError(
                FIELD,
                f"{table} line {row.line} says {row.label!r}{_of(part)} of {row.file}, which was "
                f"{before[0]!r}{_of(before[1])} before",
            )


def _of(part: str) -> str:
    return f" ({part})" if part else ""


class _Finder:
    """Finds the file that a row means: seen from the table, from the root, or from a folder of either.

    Args:
        tree: the files.
        table: path of the table.
    """

    def __init__(self, tree: Tree, table: str) -> None:
        self._tree = tree
        home = table.rpartition("/")[0]
        folders = [f"{home}/" if home else "", ""]
        for start in dict.fromkeys(folders):
            folders += [f"{start}{name}/" for name in tree.names_in(start.rstrip("/"))[0]]
        self._folders = list(dict.fromkeys(folders))
        self._last = ("", 0, "")

    def find(self, file: str) -> str:
        """Path of the file, or an empty text where it is not there."""
        parts = [part for part in file.replace("\\", "/").split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            return ""
        folder, drop, ending = self._last
        if drop < len(parts) and self._is_there(name := folder + "/".join(parts[drop:]) + ending):
            return name
        endings = ["", *(f".{suffix}" for suffix in (*SUFFIXES, *(s.upper() for s in SUFFIXES)))]
        for drop in range(len(parts)):
            # Paths of another machine begin with folders that are not here.
            for folder, ending in itertools.product(self._folders, endings):
                if self._is_there(name := folder + "/".join(parts[drop:]) + ending):
                    self._last = (folder, drop, ending)
                    return name
        return ""

    def _is_there(self, name: str) -> bool:
        return self._tree.has_file(name)
