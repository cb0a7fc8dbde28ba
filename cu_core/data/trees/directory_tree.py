"""A directory as a tree of files. Links inside it are followed; those that lead out of it are refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.data.trees import limits
from cu_core.data.trees.limits import FIELD, check_path
from cu_core.data.trees.system_files import PassedOver, system_name
from cu_core.data.trees.tree import Below, Tree, unread

# Files inside a system's folder that are counted; .git holds as many as a project has seen.
_MOST_COUNTED = 100_000


class DirectoryTree(Tree):
    """A directory; see `Tree`. Only the folders that are asked for are listed.

    Args:
        path: an existing directory, without links.
    """

    def __init__(self, path: Path) -> None:
        self.title, self.kind, self.passed = str(path), "folder", PassedOver()
        self._root = self._bounds = path
        self._status: dict[str, tuple[int, int]] = {}
        self._below: dict[str, Below] = {}
        self._circles = 0
        self._counted: set[str] = set()

    @property
    def circles(self) -> int:
        """Links to a folder above them that were passed over."""
        return self._circles

    @override
    def names_in(self, folder: str) -> tuple[list[str], list[str]]:
        folders, files = [], []
        for entry in self._entries(folder, f"{self._root}/{folder}"):
            # A link that leads nowhere or out is refused only where it is used.
            if _leads_to(entry.is_dir):
                folders.append(entry.name)
            elif _leads_to(entry.is_file):
                files.append(entry.name)
        return sorted(folders), sorted(files)

    @override
    def below(self, folder: str) -> Below:
        if folder not in self._below:
            found = Below([], set())
            path = self._root / folder if folder else self._root
            self._check_link(path, folder)
            self._walk(folder, os.path.realpath(path), (), found)
            found.files.sort()
            self._below[folder] = found
        return self._below[folder]

    @override
    def open(self, name: str) -> IO[bytes]:
        path = self._root / name
        self._check_link(path, name)
        try:
            return path.open("rb")
        except OSError as error:
            raise unread(name, error) from None

    @override
    def size(self, name: str) -> int:
        return self._about(name)[0]

    @override
    def enter(self, folder: str) -> None:
        self._root = self._root / folder
        self._status.clear()
        self._below.clear()
        self.forget()

    @override
    def stamp(self, names: Iterable[str]) -> Iterable[str]:
        yield str(self._root)
        for name in names:
            size, modified = self._about(name)
            yield f"{name}\0{size}\0{modified}"

    def _about(self, name: str) -> tuple[int, int]:
        if name not in self._status:
            self._check_link(self._root / name, name)
            try:
                status = (self._root / name).stat()
            except OSError as error:
                raise unread(name, error) from None
            self._status[name] = (status.st_size, status.st_mtime_ns)
        return self._status[name]

    def _entries(self, folder: str, path: str) -> list[os.DirEntry[str]]:
        """What lies in a folder, without what is a system's."""
        try:
            with os.scandir(path) as entries:
                found = list(entries)
        except OSError as error:
            raise DatasetError(FIELD, f"{folder or self.title} cannot be listed ({error.strerror})") from None
        own = [entry for entry in found if not system_name(entry.name)]
        if len(own) < len(found) and path not in self._counted:
            self._counted.add(path)
            for entry in found:
                if system_name(entry.name):
                    self.passed.add(entry.name, _files_in(entry))
        return own

    def _walk(self, folder: str, real: str, above: tuple[str, ...], found: Below) -> None:
        """Lists a folder and those inside it.

        Args:
            folder: its path in the tree.
            real: its path without links, which tells a circle.
            above: the same of the folders that it lies in.
            found: takes what there is.
        """
        for entry in self._entries(folder, real):
            check_path(name := f"{folder}/{entry.name}" if folder else entry.name)
            if entry.is_symlink():
                self._check_link(Path(entry.path), name)
            if _leads_to(entry.is_dir):
                inside = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)
                if inside == real or inside in above:
                    self._circles += 1
                    continue
                found.folders.add(name)
                self._walk(name, inside, (*above, real), found)
            elif _leads_to(entry.is_file):
                status = entry.stat()
                self._status[name] = (status.st_size, status.st_mtime_ns)
                found.files.append(name)
                if len(found.files) > limits.MAX_FILES:
                    raise DatasetError(FIELD, f"more than {limits.MAX_FILES:,} files")
            elif entry.is_symlink():
                raise DatasetError(FIELD, f"{name} is a link to nothing")

    def _check_link(self, path: Path, name: str) -> None:
        """Refuses a path inside the root that a link takes out of what the user named."""
        real = os.path.realpath(path)
        bounds = str(self._bounds)
        if real != bounds and not real.startswith(bounds.rstrip(os.sep) + os.sep):
            raise DatasetError(FIELD, f"{name} is a link that leads out of the folder; put the files themselves there")


def _leads_to(question: Callable[[], bool]) -> bool:
    """What an entry says of itself; a link in a circle leads to nothing."""
    try:
        return question()
    except OSError:
        return False


def _files_in(entry: os.DirEntry[str]) -> int:
    if not entry.is_dir(follow_symlinks=False):
        return 1
    count = 0
    for _, _, files in os.walk(entry.path):
        count += len(files)
        if count >= _MOST_COUNTED:
            break
    return min(count, _MOST_COUNTED)
