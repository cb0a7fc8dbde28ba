"""Archives as trees: all members are known from a list, and links among them are followed by name."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.data.trees import limits
from cu_core.data.trees.limits import FIELD, check_path
from cu_core.data.trees.system_files import PassedOver, system_name
from cu_core.data.trees.tree import Below, Tree

Member = TypeVar("Member")
_LAST = "\U0010ffff"


class ListedTree(Tree, Generic[Member]):
    """A tree whose members were listed; see `Tree`. Subclasses call `fill`.

    Args:
        path: the archive.
    """

    def __init__(self, path: Path) -> None:
        self.title, self.passed = str(path), PassedOver()
        self._path = path
        self._prefix = ""
        self._members: dict[str, Member] = {}
        self._folders: set[str] = set()

    def fill(self, members: Iterable[tuple[str, Member | None]], links: Mapping[str, str]) -> None:
        """Takes in what the archive holds.

        Args:
            members: path and description of each member; folders have no description.
            links: path of each link, and the path inside the archive that it names.

        Raises:
            DatasetError: two files of one path, a link to nothing, or more files by links than a tree may have.
        """
        for name, about in members:
            if not name or self._is_passed(name, about is not None):
                continue
            if about is None:
                self._folders.add(name)
            elif name in self._members or name in links:
                raise limits.twice(name, self.kind)
            else:
                self._members[name] = about
            self._folders.update(_parents(name))
        for name, target in sorted(links.items()):
            if not self._is_passed(name, True):
                self._follow(name, target, links)

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._members)

    def about(self, name: str) -> Member:
        """The description of a file."""
        return self._members[self._prefix + name]

    @override
    def names_in(self, folder: str) -> tuple[list[str], list[str]]:
        start = f"{self._prefix}{folder}/" if folder else self._prefix
        files = {n for n in self._between(start) if "/" not in n}
        folders = {name[len(start) :] for name in self._folders if name.startswith(start) and name != start}
        return sorted(name for name in folders if "/" not in name), sorted(files)

    @override
    def below(self, folder: str) -> Below:
        start = f"{self._prefix}{folder}/" if folder else self._prefix
        own = f"{folder}/" if folder else ""
        folders = {own + name[len(start) :] for name in self._folders if name.startswith(start)}
        return Below([own + name for name in self._between(start)], folders)

    @override
    def enter(self, folder: str) -> None:
        self._prefix += f"{folder}/"
        self.forget()

    @override
    def stamp(self, names: Iterable[str]) -> Iterable[str]:
        status = self._path.stat()
        yield f"{self._path}\0{status.st_size}\0{status.st_mtime_ns}"

    def _between(self, start: str) -> list[str]:
        """Files whose paths begin so, without that beginning."""
        names = self._sorted
        low, high = bisect.bisect_left(names, start), bisect.bisect_left(names, start + _LAST)
        return [name[len(start) :] for name in names[low:high]]

    def _is_passed(self, name: str, count: bool) -> bool:
        """Whether some part of a path is a system's; counts it."""
        for part in name.split("/"):
            if system_name(part):
                if count:
                    self.passed.add(part)
                return True
        return False

    def _follow(self, name: str, target: str, links: Mapping[str, str]) -> None:
        for _ in range(limits.MAX_DEPTH):
            if target in self._members:
                self._members[name] = self._members[target]
                self._folders.update(_parents(name))
                return
            if target == "" or target in self._folders:
                self._follow_folder(name, target)
                return
            if target not in links:
                break
            target = links[target]
        raise DatasetError(FIELD, f"the {self.kind} holds the link {name!r}, a link to nothing")

    def _follow_folder(self, name: str, target: str) -> None:
        # A folder's own link to a folder above it would hold itself.
        if target == "" or f"{name}/".startswith(f"{target}/"):
            return
        self._folders.add(name)
        self._folders.update(_parents(name))
        for inside in [member for member in self._members if member.startswith(f"{target}/")]:
            check_path(path := name + inside[len(target) :])
            self._members[path] = self._members[inside]
            self._folders.update(_parents(path))
            limits.check_total(self.title, len(self._members), 0)


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]
