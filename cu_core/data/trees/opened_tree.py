"""A path as the user typed it, opened as a tree of files: what it is decides its content, not its ending."""

from __future__ import annotations

import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cu_core.base.errors import BadInput, DatasetError
from cu_core.base.named_path import named_path
from cu_core.data.trees.directory_tree import DirectoryTree
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.tar_tree import PACKED, TarTree
from cu_core.data.trees.tree import Tree
from cu_core.data.trees.zip_tree import ZipTree

FORMS = (
    "folder:PATH of a directory, zip or tar",
    "of a table (CSV, Parquet) of file and label",
    "of NumPy arrays (.npz, .npy)",
)
TABLES = ("csv", "tsv", "txt", "lst", "")
"""Endings of texts that may be tables."""
_HEAD = 512
_NUMPY, _PARQUET = b"\x93NUMPY", b"PAR1"
# What people also have, how it begins, and what they can do with it.
_OTHERS = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, or pack it as zip"),
    (b"Rar!", "a rar archive", "unpack it, or pack it as zip"),
    (b"(\xb5/\xfd", "packed with zstd", "unpack it, or pack it as zip or tar.gz"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 or MATLAB file", "save its arrays with numpy.savez(images=…, labels=…)"),
    (b"MATLAB", "a MATLAB file", "save its arrays with numpy.savez(images=…, labels=…)"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
    (b"\x80\x02", "a pickle, which is a program", "save its arrays with numpy.savez(images=…, labels=…)"),
    (b"\x80\x03", "a pickle, which is a program", "save its arrays with numpy.savez(images=…, labels=…)"),
    (b"\x80\x04", "a pickle, which is a program", "save its arrays with numpy.savez(images=…, labels=…)"),
    (b"\x80\x05", "a pickle, which is a program", "save its arrays with numpy.savez(images=…, labels=…)"),
    (b"\x89PNG", "a single image", "name the folder that it lies in"),
    (b"\xff\xd8\xff", "a single image", "name the folder that it lies in"),
    (b"%PDF", "a PDF document", "name a folder of images"),
    (b"SQLite format 3", "a database", "save it as Parquet"),
)


@dataclass(frozen=True)
class OpenedTree:
    """What a path names.

    Attributes:
        tree: the files.
        focus: the file inside it that was named, where that is one of a table or of arrays; else empty.
    """

    tree: Tree
    focus: str = ""


def opened(text: str, scratch: Path | None = None) -> OpenedTree:
    """Opens a directory, an archive, or the folder around a table or an array.

    Args:
        text: path as the user typed it.
        scratch: where packed archives may be unpacked to; see `TarTree`.

    Raises:
        DatasetError: missing, of no known kind, damaged or unsafe.
    """
    path = existing(text)
    if path.is_dir():
        return OpenedTree(DirectoryTree(path))
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise DatasetError(FIELD, f"{path} cannot be read ({error.strerror})") from None
    if head.startswith(b"PK") or zipfile.is_zipfile(path):
        return OpenedTree(ZipTree(path))
    if head.startswith(tuple(PACKED)) or _is_tar(path):
        return OpenedTree(TarTree(path, scratch))
    if head.startswith((_NUMPY, _PARQUET)) or _may_be_table(path, head):
        return OpenedTree(DirectoryTree(path.parent), path.name)
    raise _unknown(path, head)


def open_tree(text: str, scratch: Path | None = None) -> Tree:
    """The files of a directory or an archive; see `opened`.

    Raises:
        DatasetError: missing, neither directory nor archive, or unsafe.
    """
    return opened(text, scratch).tree


def existing(text: str) -> Path:
    """The file or directory that a text names.

    Raises:
        DatasetError: there is none, or it could be read for ever.
    """
    try:
        path = named_path(text, FIELD, FORMS)
    except BadInput as error:
        raise DatasetError(FIELD, error.reason, error.allowed) from None
    try:
        if path.is_dir() or path.is_file():
            return path
        if path.exists():  # a pipe or a device, from which one could read for ever
            raise DatasetError(FIELD, f"{path} is neither a folder nor a zip file, nor any other file", FORMS)
    except OSError as error:
        raise DatasetError(FIELD, f"{text!r} cannot be read ({error.strerror})") from None
    raise DatasetError(FIELD, f"{path} does not exist", FORMS)


def _is_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:") as archive:
            return archive.next() is not None
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return False


def _may_be_table(path: Path, head: bytes) -> bool:
    """Whether a file is a text, by its first bytes, that may hold a table, by its ending."""
    if path.suffix.lower().removeprefix(".") not in TABLES or not head.strip():
        return False
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)


def _unknown(path: Path, head: bytes) -> DatasetError:
    for magic, what, way in _OTHERS:
        if head.startswith(magic):
            return DatasetError(FIELD, f"{path} is {what}; {way}", FORMS)
    what = (
        "is empty: neither a folder nor a zip file"
        if not head
        else "is neither a folder nor a zip file, nor of another kind that is read"
    )
    return DatasetError(FIELD, f"{path} {what}", FORMS)
