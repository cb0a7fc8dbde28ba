"""Reading of image trees from a directory or a zip, without leaving the tree or unpacking to disk."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from cu_core.base.errors import BadInput, DatasetError
from cu_core.base.named_path import named_path

MAX_FILES = 5_000_000
MAX_FILE_BYTES = 256 * 2**20
MAX_TOTAL_BYTES = 200 * 2**30
MAX_LIST_BYTES = 512 * 2**20
# Pictures hardly shrink when zipped; a zip that grows more than this is built to fill a memory or a disk.
MAX_GROWTH = 100
# Below this a zip is harmless, however much it grows.
HARMLESS_BYTES = 64 * 2**20
# Folders inside folders, and characters of a path: far more than pictures in classes need, and few enough that
# listing them takes no more than they weigh.
MAX_DEPTH = 64
MAX_PATH = 1024
STEP = 2**16
"""Bytes that are unpacked at a time."""
_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
_DRIVE = re.compile(r"[A-Za-z]:")
_FIELD = "dataset"
_FORMS = ("folder:PATH of a directory or zip file",)


class Tree(Protocol):
    """Files below a root that holds ``train/``.

    Attributes:
        files: relative paths with forward slashes; hidden files are left out.
        folders: relative paths of the folders, in the same form.
    """

    files: list[str]
    folders: set[str]

    def read(self, name: str) -> bytes:
        """Content of one of `files`.

        Raises:
            DatasetError: it cannot be read.
        """
        ...


def open_tree(text: str) -> Tree:
    """Opens a directory or a zip file.

    A single folder that wraps everything, as many zip programs make it, is looked through.

    Args:
        text: path as the user typed it.

    Raises:
        DatasetError: missing, neither directory nor zip, without ``train/``, or unsafe.
    """
    path = _existing(text)
    return DirectoryTree(path) if path.is_dir() else ZipTree(path)


def fingerprint(text: str) -> str:
    """Hash of a directory's or zip's path, and of its files' names, sizes and modification times.

    Raises:
        DatasetError: see `open_tree`.
    """
    path = _existing(text)
    if path.is_dir():
        return DirectoryTree(path).fingerprint()
    status = path.stat()
    return hashlib.sha256(f"{path}\0{status.st_size}\0{status.st_mtime_ns}".encode()).hexdigest()


class DirectoryTree(Tree):
    """A directory; see `Tree`. Links that lead out of it are refused.

    Args:
        path: an existing directory.
    """

    def __init__(self, path: Path) -> None:
        self._root = _inner_directory(path.resolve())
        self._status: dict[str, tuple[int, int]] = {}
        self.folders: set[str] = set()
        for part in ("train", "test"):
            if (self._root / part).is_dir():
                self._check_link(self._root / part)
                self._walk(part)
        self.files = sorted(self._status)

    @override
    def read(self, name: str) -> bytes:
        if self._status[name][0] > MAX_FILE_BYTES:
            raise _too_large(name)
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise DatasetError(_FIELD, f"{name} cannot be read ({error.strerror})") from None

    def fingerprint(self) -> str:
        """See `fingerprint`."""
        sha = hashlib.sha256(str(self._root).encode(errors="surrogateescape"))
        for name in self.files:
            size, modified = self._status[name]
            sha.update(f"\0{name}\0{size}\0{modified}".encode(errors="surrogateescape"))
        for name in sorted(self.folders):
            sha.update(f"\0{name}".encode(errors="surrogateescape"))
        return sha.hexdigest()

    def _walk(self, folder: str) -> None:
        try:
            with os.scandir(self._root / folder) as entries:
                for entry in entries:
                    if not _is_junk(entry.name):
                        _check_path(name := f"{folder}/{entry.name}")
                        self._add(name, entry)
        except OSError as error:
            raise DatasetError(_FIELD, f"{folder} cannot be listed ({error.strerror})") from None

    def _add(self, name: str, entry: os.DirEntry[str]) -> None:
        if entry.is_symlink():
            self._check_link(Path(entry.path))
        if entry.is_dir():
            self.folders.add(name)
            self._walk(name)
        elif entry.is_file():
            status = entry.stat()
            self._status[name] = (status.st_size, status.st_mtime_ns)
            if len(self._status) > MAX_FILES:
                raise DatasetError(_FIELD, f"more than {MAX_FILES:,} files")
        elif entry.is_symlink():
            raise DatasetError(_FIELD, f"{name} is a link to nothing")

    def _check_link(self, path: Path) -> None:
        if not path.is_symlink():
            return
        name = path.relative_to(self._root).as_posix()
        if not path.resolve().is_relative_to(self._root):
            raise DatasetError(_FIELD, f"{name} is a link that leads out of the folder; put the files themselves there")
        if path.is_dir():
            raise DatasetError(_FIELD, f"{name} is a link to a folder; put the files themselves there")


class ZipTree(Tree):
    """A zip file; see `Tree`. Members are decoded in memory, nothing is unpacked to disk.

    Args:
        path: an existing file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(_Bounded(path))
        except zipfile.BadZipFile:
            raise DatasetError(_FIELD, f"{path} is neither a folder nor a zip file") from None
        except (OSError, ValueError, NotImplementedError, struct.error) as error:
            raise DatasetError(_FIELD, f"{path} cannot be opened ({error})") from None
        members = self._zip.infolist()
        _check_size(members, path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        folders: set[str] = set()
        for member in members:
            name = _safe_name(member)
            if not name or any(_is_junk(part) for part in name.split("/")):
                continue
            if member.is_dir():
                folders.add(name)
            else:
                self._members[name] = member
            folders.update(_parents(name))
        prefix = _wrapper(folders)
        if f"{prefix}train" not in folders:
            raise _no_train(path, {name.partition("/")[0] for name in folders | set(self._members)})
        self._prefix = prefix
        self.folders = {name.removeprefix(prefix) for name in folders if name.startswith(prefix)}
        self.files = sorted(name.removeprefix(prefix) for name in self._members if name.startswith(prefix))

    @override
    def read(self, name: str) -> bytes:
        about = self._members[self._prefix + name]
        # Others, which zip programs only use when told to, unpack a few bytes to any number of them in one step.
        if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DatasetError(_FIELD, f"{name} cannot be read: packed in an unusual way", ("stored", "deflate"))
        try:
            with self._zip.open(about) as member:
                # Step by step: the sizes in a zip may be lies, and the reader would unpack all of a member at once.
                return b"".join(iter(lambda: member.read(STEP), b""))
        except RuntimeError:
            raise DatasetError(_FIELD, f"{name} cannot be read: encrypted, or packed in an unknown way") from None
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError) as error:
            raise DatasetError(_FIELD, f"{name} is damaged inside the zip ({error})") from None


def _existing(text: str) -> Path:
    try:
        path = named_path(text, _FIELD, _FORMS)
    except BadInput as error:
        raise DatasetError(_FIELD, error.reason, error.allowed) from None
    try:
        if path.is_dir() or path.is_file():
            return path
        if path.exists():  # a pipe or a device, from which one could read for ever
            raise DatasetError(_FIELD, f"{path} is neither a folder nor a zip file")
    except OSError as error:
        raise DatasetError(_FIELD, f"{text!r} cannot be read ({error.strerror})") from None
    raise DatasetError(_FIELD, f"{path} does not exist", _FORMS)


def _inner_directory(path: Path) -> Path:
    try:
        top = [entry for entry in path.iterdir() if not _is_junk(entry.name)]
    except OSError as error:
        raise DatasetError(_FIELD, f"{path} cannot be listed ({error.strerror})") from None
    for root in (path, *(top if len(top) == 1 and not top[0].is_symlink() else ())):
        if (root / "train").is_dir():
            return root
    raise _no_train(path, {entry.name for entry in top})


def _wrapper(folders: set[str]) -> str:
    """The prefix of the single outermost folder of a zip, if ``train/`` is inside it."""
    outermost = {name.partition("/")[0] for name in folders}
    if "train" in outermost or len(outermost) != 1:
        return ""
    prefix = f"{outermost.pop()}/"
    return prefix if f"{prefix}train" in folders else ""


def _no_train(path: Path, found: set[str]) -> DatasetError:
    seen = ", ".join(sorted(found)[:5]) or "nothing"
    return DatasetError(_FIELD, f"{path} has no train/ folder (found: {seen})", ("train/<class>/… with images",))


def _too_large(name: str) -> DatasetError:
    return DatasetError(_FIELD, f"{name} is larger than {MAX_FILE_BYTES // 2**20} MB")


def _check_size(members: list[zipfile.ZipInfo], path: Path) -> None:
    if len(members) > MAX_FILES:
        raise DatasetError(_FIELD, f"{path.name} has more than {MAX_FILES:,} files")
    for member in members:
        if member.file_size > MAX_FILE_BYTES:
            raise _too_large(member.filename)
    total, packed = sum(member.file_size for member in members), path.stat().st_size
    if total > MAX_TOTAL_BYTES:
        raise DatasetError(_FIELD, f"{path.name} would unpack to more than {MAX_TOTAL_BYTES // 2**30} GB")
    if total > max(HARMLESS_BYTES, packed * MAX_GROWTH):
        raise DatasetError(
            _FIELD,
            f"{path.name} would unpack to {total // packed} times its size, unlike pictures; it looks like a zip bomb",
        )


class _Bounded(io.FileIO):
    """A file whose list of members, which a zip reader takes in one piece, may not fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_LIST_BYTES:
            raise ValueError(f"its list of members has more than {MAX_LIST_BYTES // 2**20} MB")
        return super().read(-1 if size is None else size) or b""


def _safe_name(member: zipfile.ZipInfo) -> str:
    """The member's path with forward slashes and no slash at the end."""
    name = member.filename.replace("\\", "/")
    _check_path(name)
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        raise DatasetError(_FIELD, f"the zip holds the path {member.filename!r}, which leads out of it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DatasetError(_FIELD, f"the zip holds the link {member.filename!r}; put the files themselves there")
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _check_path(name: str) -> None:
    if len(name) > MAX_PATH or name.count("/") > MAX_DEPTH:
        raise DatasetError(
            _FIELD,
            f"the path {name[:60]!r}… is too long or too deep",
            (f"{MAX_PATH} characters", f"{MAX_DEPTH} folders inside each other"),
        )
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in name):
        raise DatasetError(_FIELD, f"the name {name!a} holds characters that are no text; rename it")


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name in _JUNK
