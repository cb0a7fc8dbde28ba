"""What a tree of files may hold: sizes, paths and links. All of it is absolute, so that no honest set is refused."""

from __future__ import annotations

import posixpath
import re

from cu_core.base.errors import DatasetError

FIELD = "dataset"
MAX_FILES = 5_000_000
MAX_FILE_BYTES = 256 * 2**20
# The size that counts is what is unpacked, not how small it was packed: drawings shrink a thousandfold.
MAX_TOTAL_BYTES = 200 * 2**30
MAX_LIST_BYTES = 512 * 2**20
# Folders inside folders, and characters of a path: far more than pictures in classes need, and few enough that
# listing them takes no more than they weigh.
MAX_DEPTH = 64
MAX_PATH = 1024
STEP = 2**16
"""Bytes that are unpacked at a time."""
LARGE_KINDS = ("npy", "parquet")
"""Endings of files that are never read in one piece."""
_DRIVE = re.compile(r"[A-Za-z]:")


def too_large(name: str) -> DatasetError:
    """What is said of a file that would not fit into memory beside others."""
    return DatasetError(FIELD, f"{name} is larger than {MAX_FILE_BYTES // 2**20} MB")


def check_size(name: str, size: int) -> None:
    """Refuses a file that is read in one piece and is too large for that.

    Raises:
        DatasetError: it is.
    """
    if size > MAX_FILE_BYTES and name.rpartition(".")[2].lower() not in LARGE_KINDS:
        raise too_large(name)


def check_total(name: str, count: int, total: int) -> None:
    """Refuses an archive that holds more than any set of images.

    Args:
        name: of the archive.
        count: its members so far.
        total: their bytes.

    Raises:
        DatasetError: it does.
    """
    if count > MAX_FILES:
        raise DatasetError(FIELD, f"{name} has more than {MAX_FILES:,} files")
    if total > MAX_TOTAL_BYTES:
        raise DatasetError(FIELD, f"{name} would unpack to more than {MAX_TOTAL_BYTES // 2**30} GB")


def twice(name: str, archive: str) -> DatasetError:
    """What is said of two entries of one path, of which nobody knows which is meant.

    Args:
        name: their path.
        archive: its kind.
    """
    return DatasetError(FIELD, f"the {archive} holds two entries of the name {name!r}; pack it anew with one of them")


def check_path(name: str) -> None:
    """Refuses a path that nobody could list or show.

    Raises:
        DatasetError: too long, too deep, or no text.
    """
    if len(name) > MAX_PATH or name.count("/") > MAX_DEPTH:
        raise DatasetError(
            FIELD,
            f"the path {name[:60]!r}… is too long or too deep",
            (f"{MAX_PATH} characters", f"{MAX_DEPTH} folders inside each other"),
        )
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in name):
        raise DatasetError(FIELD, f"the name {name!a} holds characters that are no text; rename it")


def inner_path(name: str, archive: str) -> str:
    """The path of a member with forward slashes, without dots and without a slash at its end.

    Args:
        name: as the archive has it.
        archive: its kind, for the error.

    Raises:
        DatasetError: it leads out of the archive.
    """
    path = name.replace("\\", "/")
    check_path(path)
    if path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/"):
        raise DatasetError(FIELD, f"the {archive} holds the path {name!r}, which leads out of it")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def link_target(name: str, target: str, archive: str, *, beside: bool) -> str:
    """The path inside an archive that a link names.

    Args:
        name: path of the link.
        target: as the link has it.
        archive: its kind, for the error.
        beside: whether the target is seen from the link's folder, as that of a symbolic link; else from the root.

    Raises:
        DatasetError: it leads out of the archive.
    """
    target = target.replace("\\", "/")
    start = posixpath.dirname(name) if beside else ""
    path = posixpath.normpath(posixpath.join(start, target))
    if target.startswith("/") or _DRIVE.match(target) or path == ".." or path.startswith("../"):
        raise DatasetError(
            FIELD, f"the {archive} holds the link {name!r} that leads out of it; put the files themselves there"
        )
    return "" if path == "." else path
