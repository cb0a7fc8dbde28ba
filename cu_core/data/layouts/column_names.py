"""Which column of a table holds files, which labels and which parts, by their headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FILES = [
    "file_name", "filename", "file", "filepath", "file_path", "path", "image_path", "img_path", "image_file",
    "imagefile", "image", "image_name", "img_name", "img", "imagename", "image_id", "imageid", "id", "name",
    "picture", "photo",
]  # fmt: skip
LABELS = [
    "class_name", "classname", "label_name", "labelname", "category_name", "label", "labels", "class",
    "classes", "target", "category", "species", "y", "fine_label", "class_id", "label_id", "category_id",
]  # fmt: skip
SPLITS = ["split", "set", "subset", "partition", "part"]
_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Columns:
    """Places of columns.

    Attributes:
        file: of names of files.
        label: of labels.
        split: of parts; -1 where there is none.
    """

    file: int
    label: int
    split: int = -1


def plain_header(text: str) -> str:
    """A header as it is compared: lower case, with one kind of separator."""
    return _PLAIN.sub("_", text.strip().lower()).strip("_")


def columns_of(headers: Sequence[str]) -> Columns | None:
    """The columns of a table; None where files or labels have none."""
    plain = [plain_header(header) for header in headers]
    file = _first(plain, FILES)
    label = _first(plain, LABELS)
    if file < 0 or label < 0 or file == label:
        return None
    return Columns(file, label, _first(plain, SPLITS))


def _first(plain: Sequence[str], wanted: Sequence[str]) -> int:
    return next((plain.index(name) for name in wanted if name in plain), -1)
