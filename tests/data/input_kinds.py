"""Kinds of image sets: each is made here, with what must be read of it or the words with which it is refused.

Every class has a colour, so that a wrong label is seen in the pixels. The kinds are in
`folder_kinds`, `table_kinds` and `refused_kinds`; ``tools/make_inputs.py`` writes docs/inputs.md from them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (20, 40, 220)}
NAMES = tuple(COLOURS)
SIDE = 8
Files = Mapping[str, bytes]
Labelled = Mapping[str, tuple[int, int]]
"""Number of training and unseen images by class."""


@dataclass(frozen=True)
class InputKind:
    """One kind of image set.

    Attributes:
        name: what it is, for people.
        make: writes it below a folder and returns its path.
        read: images by class in the order of labels; None where it is refused.
        said: what the findings, or the refusal, must say.
        colours: colour of each class that is not called by its colour.
        settings: of `DataSpec`.
    """

    name: str
    make: Callable[[Path], Path]
    read: Labelled | None
    said: tuple[str, ...] = ()
    colours: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def picture(name: str, number: int = 0, kind: str = "PNG") -> bytes:
    """A plain picture of a colour; those of different numbers differ a little."""
    file = io.BytesIO()
    colour = tuple(value + number for value in COLOURS[name])
    Image.new("RGB", (SIDE, SIDE), colour).save(file, kind)
    return file.getvalue()


def folders(part: str, count: int, names: Mapping[str, str] | tuple[str, ...] = NAMES, ending: str = "png") -> Files:
    """Pictures in a folder per class; names map a folder to its colour."""
    colours = names if isinstance(names, Mapping) else {name: name for name in names}
    start = f"{part}/" if part else ""
    kind = {"png": "PNG", "bmp": "BMP", "jpg": "PNG"}[ending.lower()]
    return {
        f"{start}{folder}/{n}.{ending}": picture(colour, n, kind)
        for folder, colour in colours.items()
        for n in range(count)
    }


def tree(*files: Files, root: str = "set", empty: tuple[str, ...] = ()) -> Callable[[Path], Path]:
    """Writes files below a folder."""

    def make(folder: Path) -> Path:
        (folder / root).mkdir(parents=True)
        for name, content in [pair for part in files for pair in part.items()]:
            path = folder / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name in empty:
            (folder / root / name).mkdir(parents=True)
        return folder / root

    return make


def zipped(*files: Files, name: str = "set.zip", links: Mapping[str, str] | None = None) -> Callable[[Path], Path]:
    """Packs files as a zip."""

    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in [pair for part in files for pair in part.items()]:
                archive.writestr(member, content)
            for member, target in (links or {}).items():
                about = zipfile.ZipInfo(member)
                about.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(about, target)
        return folder / name

    return make


def unmarked(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """A zip whose names are in UTF-8 without a mark that says so."""

    def marks_off(folder: Path) -> Path:
        path = make(folder)
        content = bytearray(path.read_bytes())
        for signature, flags in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
            at = content.find(signature)
            while at >= 0:
                content[at + flags] &= ~0x08
                at = content.find(signature, at + 1)
        path.write_bytes(content)
        return path

    return marks_off


def tarred(
    *files: Files, name: str = "set.tar.gz", mode: str = "w:gz", links: Mapping[str, tuple[bytes, str]] | None = None
) -> Callable[[Path], Path]:
    """Packs files as a tar; links are given with their type."""

    def make(folder: Path) -> Path:
        with tarfile.open(folder / name, mode) as archive:  # type: ignore[call-overload]
            for member, content in [pair for part in files for pair in part.items()]:
                about = tarfile.TarInfo(member)
                about.size = len(content)
                archive.addfile(about, io.BytesIO(content))
            for member, (kind, target) in (links or {}).items():
                about = tarfile.TarInfo(member)
                about.type, about.linkname = kind, target
                archive.addfile(about)
        return folder / name

    return make


def linked(*files: Files, links: Mapping[str, str]) -> Callable[[Path], Path]:
    """A directory with symbolic links, whose targets are seen from the link."""

    def make(folder: Path) -> Path:
        root = tree(*files)(folder)
        (folder / "outside").mkdir()
        (folder / "outside" / "0.png").write_bytes(picture("red"))
        for name, target in links.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, root / name)
        return root

    return make


def inside(make: Callable[[Path], Path], name: str) -> Callable[[Path], Path]:
    """Names a file of a set rather than the set."""
    return lambda folder: make(folder) / name


def table(rows: list[tuple[str, ...]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(encoding)


def rows_of(part: str, count: int, *more: str) -> list[tuple[str, ...]]:
    """File and label of pictures that lie beside each other."""
    return [(f"{part}_{name}_{n}.png", name, *more) for n in range(count) for name in NAMES]


def loose(part: str, count: int, folder: str = "images/") -> Files:
    """Those pictures."""
    return {f"{folder}{part}_{name}_{n}.png": picture(name, n) for n in range(count) for name in NAMES}


def stack(count: int, dtype: str = "uint8", scale: float = 1.0, first: bool = False) -> np.ndarray:
    """Pictures of all classes in turn as an array."""
    images = np.zeros((3 * count, SIDE, SIDE, 3))
    for row in range(3 * count):
        images[row] = COLOURS[NAMES[row % 3]]
        images[row, 0, 0], images[row, 0, 1] = 0, 255
    images = (images * scale).astype(dtype)
    return images.transpose(0, 3, 1, 2) if first else images


def numbers(count: int) -> np.ndarray:
    """Their labels."""
    return np.arange(3 * count) % 3


def npz(name: str = "set.npz", **arrays: Any) -> Callable[[Path], Path]:
    """Arrays in one file."""

    def make(folder: Path) -> Path:
        np.savez(folder / name.removesuffix(".npz"), **arrays)
        path = folder / f"{name.removesuffix('.npz')}.npz"
        return path.rename(folder / name)

    return make


def npy(array: np.ndarray) -> bytes:
    """One array as a file of its own."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def parquet(columns: Mapping[str, Any], features: Mapping[str, Any] | None = None) -> bytes:
    """Columns as Parquet, with what Hugging Face notes of them."""
    made = pa.table(dict(columns))
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    pq.write_table(made, file, row_group_size=4)
    return file.getvalue()


def hugging(count: int, label: bool = True) -> bytes:
    """A shard as image datasets of Hugging Face are stored."""
    pictures = [{"bytes": picture(NAMES[row % 3], row // 3), "path": f"{row}.png"} for row in range(3 * count)]
    labels = numbers(count) if label else np.full(3 * count, -1)
    features = {"image": {"_type": "Image"}, "label": {"names": list(NAMES), "_type": "ClassLabel"}}
    return parquet({"image": pictures, "label": labels}, features)


def cut(path: Path) -> Path:
    """Takes the end off a file."""
    path.write_bytes(path.read_bytes()[:-40])
    return path


ALL = {"blue": (2, 1), "green": (2, 1), "red": (2, 1)}
BY_LIST = {"red": (2, 1), "green": (2, 1), "blue": (2, 1)}
NUMBERED = {"0": (2, 1), "1": (2, 1), "2": (2, 1)}
OF_NUMBERS = {"0": "red", "1": "green", "2": "blue"}
SPLIT = {name: (4, 1) for name in sorted(NAMES)}
USUAL = (folders("train", 2), folders("test", 1))
JUNK = {
    "train/red/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg": picture("blue"),
    "train/red/Thumbs.db": b"x",
    "train/._red": b"x",
    "test/.DS_Store": b"x",
    "$RECYCLE.BIN/a.png": picture("red"),
    "#recycle/a.png": picture("red"),
    "System Volume Information/x": b"x",
    "lost+found/x": b"x",
    "__MACOSX/train/red/._0.png": b"x",
    "train/.ipynb_checkpoints/0-checkpoint.png": picture("red"),
    "train/desktop.ini": b"x",
}
TITLES = {"n01": "red", "n02": "green", "n03": "blue"}
CODED = (folders("train", 2, TITLES), folders("test", 1, TITLES))
