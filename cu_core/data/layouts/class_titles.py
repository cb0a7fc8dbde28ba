"""Titles of classes from a file beside the images: what folders named n01440764, or numbers, stand for."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cu_core.base.errors import DatasetError
from cu_core.data.layouts.class_order import normal
from cu_core.data.layouts.set_listing import quoted
from cu_core.data.trees.tree import Tree

FIELD = "data.titles"
NONE = "none"
_STEMS = [
    "classes", "class_names", "classnames", "class-names", "class_titles", "titles", "label_names", "labels",
    "labelmap", "label_map", "categories", "category_names", "names", "synsets", "synset_words", "words",
    "loc_synset_mapping", "imagenet_class_index", "class_index", "class_mapping", "idx_to_class", "id2label",
    "mapping",
]  # fmt: skip
_ENDINGS = ("txt", "csv", "tsv", "json")
_FOLDERS = ("folder", "id", "wnid", "synset", "index", "idx", "label", "label_id", "class_id", "number", "code", "key")
_TITLES = ("title", "name", "class_name", "classname", "label_name", "names", "words", "description", "class", "value")
_MOST_BYTES = 16 * 2**20
_BEHIND = re.compile(r"\s*[\t,;:=|]\s*|\s+")


@dataclass(frozen=True)
class Titles:
    """Names shown for classes.

    Attributes:
        names: by label.
        notes: sentences on where they come from.
    """

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def title_files(tree: Tree) -> list[str]:
    """Files in the root that may hold titles, by their name."""
    return [
        name
        for name in tree.names_in("")[1]
        if name.lower().rpartition(".")[0] in _STEMS and name.lower().rpartition(".")[2] in _ENDINGS
    ]


def titled(tree: Tree, classes: Sequence[str], wanted: str, tables: Sequence[str] = ()) -> Titles:
    """Titles of the classes, or their own names where no file gives any.

    Args:
        tree: what the file lies in.
        tables: files in the root that say something else, such as the labels of images.
        classes: names by label.
        wanted: name of the file in the root; empty looks for one, ``"none"`` uses none.

    Raises:
        DatasetError: two classes of one title; a file that was asked for and does not fit.
    """
    if wanted == NONE:
        return Titles(tuple(classes))
    if wanted:
        if not tree.has_file(wanted):
            offered = title_files(tree) or tree.names_in("")[1][:5]
            raise DatasetError(FIELD, f"there is no file {wanted!r} in {tree.title}", (*offered, NONE))
        found, fault = _titles_of(tree, wanted, classes)
        if found is None:
            raise DatasetError(FIELD, f"{wanted} gives no titles: {fault}")
        return _unique(found, classes, wanted)
    notes = []
    for name in title_files(tree):
        if name in tables:
            continue
        found, fault = _titles_of(tree, name, classes)
        if found is not None:
            return _unique(found, classes, name)
        if fault:
            notes.append(f"{name} was not used for titles of classes: {fault}.")
    return Titles(tuple(classes), tuple(notes))


def _unique(found: Mapping[str, str], classes: Sequence[str], file: str) -> Titles:
    names = tuple(found[name] for name in classes)
    for title, count in Counter(names).items():
        if count > 1:
            of = " and ".join(repr(name) for name in classes if found[name] == title)
            raise DatasetError(
                FIELD, f"{file} gives {of} the same title {title!r}; make titles unique", (NONE, "another file")
            )
    if names == tuple(classes):
        return Titles(names)
    pair = next((name, found[name]) for name in classes if found[name] != name)
    return Titles(names, (f"Titles of classes come from {file}, such as {pair[1]!r} for {pair[0]!r}.",))


def _titles_of(tree: Tree, file: str, classes: Sequence[str]) -> tuple[dict[str, str] | None, str]:
    """Title of each class, or None and why; the reason is empty where the file is about something else."""
    if tree.size(file) > _MOST_BYTES:
        return None, f"it has more than {_MOST_BYTES // 2**20} MB"
    try:
        text = tree.read(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, "it is not a text in UTF-8"
    ending = file.lower().rpartition(".")[2]
    try:
        pairs = _json_pairs(json.loads(text)) if ending == "json" else None
    except (ValueError, RecursionError):
        return None, "it is not valid JSON"
    readings = [pairs] if pairs is not None else list(_text_pairs(text, ending, classes))
    missing: set[str] = set(classes)
    for reading in readings:
        if listed := _own_names(reading, classes):
            if listed == list(classes):
                return {name: name for name in classes}, ""
            return None, "it names the classes themselves, and its order is not taken"
        turned = {value: key for key, value in reading.items()}
        for direction in (reading, turned) if len(turned) == len(reading) else (reading,):
            found = _fitting(direction, classes)
            if found is not None:
                return found, ""
            lacking = {name for name in classes if not direction.get(name)}
            missing = min(missing, lacking, key=len)
    if len(missing) == len(classes):
        return None, "it names none of the classes"
    if not missing:
        return None, "it names the classes themselves, with numbers that are not taken"
    return None, f"it has no title for {quoted(missing)}"


def _own_names(pairs: Mapping[str, str], classes: Sequence[str]) -> list[str]:
    """The classes in the order in which a file lists them, where it holds nothing but their own names and places."""
    places = [str(place) for place in range(len(classes))]
    for direction in (pairs, {value: key for key, value in pairs.items()}):
        if set(direction) == set(places) and sorted(direction.values()) == sorted(classes):
            return [direction[place] for place in places]
    return []


def _fitting(pairs: Mapping[str, str], classes: Sequence[str]) -> dict[str, str] | None:
    """Titles of all classes, by their names as they are, or by their numbers without zeros in front."""
    if all(pairs.get(name) for name in classes):
        titles = {name: pairs[name] for name in classes}
        # {"cat": 0}: numbers of classes that have names already.
        names_only = all(title.isdigit() for title in titles.values())
        return None if names_only and not all(name.isdigit() for name in classes) else titles
    if all(name.isascii() and name.isdigit() for name in classes):
        bare = {key.lstrip("0") or "0": value for key, value in pairs.items()}
        if all(bare.get(name.lstrip("0") or "0") for name in classes):
            return {name: bare[name.lstrip("0") or "0"] for name in classes}
    return None


def _json_pairs(content: object) -> dict[str, str]:
    if isinstance(content, list) and all(isinstance(title, str) for title in content):
        return _by_place(content)
    if not isinstance(content, dict):
        return {}
    pairs: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value):
            # ImageNet's class index: {"0": ["n01440764", "tench"]}.
            pairs[normal(value[0])] = normal(value[1])
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            pairs[normal(str(key))] = normal(str(value).strip())
    return pairs


def _by_place(titles: Sequence[str]) -> dict[str, str]:
    return {str(number): normal(title.strip()) for number, title in enumerate(titles)}


def _text_pairs(text: str, ending: str, classes: Sequence[str]) -> Iterator[dict[str, str]]:
    """What a text may mean: a table of two columns, a class and its title on a line, or titles in their order."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if ending in ("csv", "tsv"):
        yield _columns(text, "\t" if ending == "tsv" else ";" if ";" in (lines or [""])[0] else ",")
    yield _spoken(lines, classes)
    if len(lines) == len(classes):
        yield _by_place(lines)


def _columns(text: str, delimiter: str) -> dict[str, str]:
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error:
        return {}
    if not rows:
        return {}
    head = [cell.lower() for cell in rows[0]]
    keys = [head.index(name) for name in _FOLDERS if name in head]
    values = [head.index(name) for name in _TITLES if name in head and head.index(name) not in keys[:1]]
    key, value = (keys[0], values[0]) if keys and values else (0, 1)
    return {
        normal(row[key]): normal(row[value])
        for row in (rows[1:] if keys and values else rows)
        if len(row) > max(key, value)
    }


def _spoken(lines: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
    """Lines that begin with a class, such as ``n01440764 tench, Tinca tinca``."""
    pairs = {}
    known = set(classes)
    for line in map(normal, lines):
        # The longest class that the line begins with: of "red" and "red panda" the second.
        named = [b for b in _BEHIND.finditer(line) if line[: b.start()].strip("\"'") in known]
        if named:
            pairs[line[: named[-1].start()].strip("\"'")] = line[named[-1].end() :].strip().strip("\"'")
        first = _BEHIND.search(line)
        if first and line[: first.start()].isdigit():
            pairs.setdefault(line[: first.start()], line[first.end() :].strip().strip("\"'"))
    return pairs
