"""A tree of files: what every kind of it can be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from cu_core.base.errors import DatasetError
from cu_core.data.trees.limits import FIELD, check_size
from cu_core.data.trees.system_files import PassedOver


@dataclass(frozen=True)
class Below:
    """What lies below a folder, at any depth.

    Attributes:
        files: paths of the files, sorted.
        folders: paths of the folders.
    """

    files: list[str]
    folders: set[str]


class Tree(ABC):
    """Files below a root. Paths are relative to it, with forward slashes; hidden and system files are left out.

    Attributes:
        title: what the user named, for messages.
        kind: ``"folder"``, ``"zip"`` or ``"tar"``.
        passed: what was passed over so far.
    """

    title: str
    kind: str
    passed: PassedOver

    @abstractmethod
    def names_in(self, folder: str) -> tuple[list[str], list[str]]:
        """Names of the folders and of the files that lie in a folder itself, sorted; the root is an empty text."""

    @abstractmethod
    def below(self, folder: str) -> Below:
        """All that lies below a folder."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """A file, to be read from its start.

        Raises:
            DatasetError: it cannot be opened. Reading it may raise `DatasetError` as well.
        """

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    def enter(self, folder: str) -> None:
        """Makes a folder inside the root the new root."""

    @abstractmethod
    def stamp(self, names: Iterable[str]) -> Iterable[str]:
        """What tells each of some files from what it was before: its name, size and time of change."""

    @cached_property
    def files(self) -> list[str]:
        """All files."""
        return self.below("").files

    @cached_property
    def _files_of(self) -> dict[str, frozenset[str]]:
        return {}

    def forget(self) -> None:
        """Forgets what was known of the files, as another root has others."""
        for name in ("files", "_files_of"):
            self.__dict__.pop(name, None)

    def has_file(self, name: str) -> bool:
        """Whether there is a file of this path."""
        folder, _, last = name.rpartition("/")
        if folder not in self._files_of:
            try:
                self._files_of[folder] = frozenset(self.names_in(folder)[1])
            except DatasetError:  # there is no such folder
                self._files_of[folder] = frozenset()
        return last in self._files_of[folder]

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            DatasetError: it cannot be read, or is too large for one piece.
        """
        check_size(name, self.size(name))
        with self.open(name) as file:
            try:
                return file.read()
            except OSError as error:
                raise unread(name, error) from None


def unread(name: str, error: OSError) -> DatasetError:
    """What is said of a file that the system does not give."""
    return DatasetError(FIELD, f"{name} cannot be read ({error.strerror or error})")
