"""Registries: what can be chosen, as records by id; built-in ones first, then those of installed plug-ins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from cu_core.base.errors import BadInput

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")

Target = Callable[..., Any] | str
"""A function or class, or ``"module:name"`` of one whose module loads a heavy package."""


def imported(target: Target) -> Callable[..., Any]:
    """What a record names, imported now."""
    if not isinstance(target, str):
        return target
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


class Named(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str:
        """Unique within its registry."""


Record = TypeVar("Record", bound=Named)


class Registry(Mapping[str, Record], Generic[Record]):
    """Records of one kind in the order in which they were added.

    It is empty when it is made. The packages that hold built-in entries add them (`cu_core` imports them all), so that
    whoever only needs to know what there is depends on no entry. Plug-ins are looked for at the first look.

    Args:
        noun: what an entry is called, e.g. ``"method"``.
        kind: class of the records.
        field: name of the setting that chooses one, for errors; the noun by default.
        group: entry-point group of plug-ins, e.g. ``"unlearnscope.methods"``; empty takes none.
    """

    def __init__(self, noun: str, kind: type[Record], *, field: str = "", group: str = "") -> None:
        self.noun = noun
        self.kind = kind
        self.field = field or noun
        self.group = group
        self._records: dict[str, Record] = {}
        self._broken: dict[str, str] = {}
        self._plugged = not group
        self._filling = RLock()
        if group:
            _WITH_PLUG_INS.append(self)
        self._later: list[Callable[[], Iterable[Record]]] = []

    def add(self, *records: Record) -> None:
        """Takes entries in.

        Raises:
            ValueError: an id is in use already.
        """
        for record in records:
            if record.id in self._records:
                raise ValueError(f"{self.noun} id {record.id!r} is in use already")
            self._records[record.id] = record

    def add_later(self, make: Callable[[], Iterable[Record]]) -> None:
        """Takes entries in at the first look at the registry, where making them takes a moment."""
        self._later.append(make)

    def named(self, name: str) -> Record:
        """The record of an id.

        Raises:
            BadInput: there is none; names those that there are, and why a plug-in of that name is broken.
        """
        if name in self:
            return self[name]
        raise BadInput(self.field, self.why_not(name), self, given=name)

    def why_not(self, name: str) -> str:
        """Why there is no entry of that id, in words."""
        if name in self.broken:
            return f"the plug-in {name!r} is broken: {self.broken[name]}"
        return f"no {self.noun} named {name!r}"

    @property
    def broken(self) -> Mapping[str, str]:
        """Plug-ins that could not be taken in: the entry point's name, and why."""
        self._fill()
        return self._broken

    def __getitem__(self, name: str) -> Record:
        self._fill()
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        self._fill()
        return iter(self._records)

    def __len__(self) -> int:
        self._fill()
        return len(self._records)

    def _fill(self) -> None:
        # Pages look from several threads: nobody is to see half of it. Whoever fills it may look while doing so.
        with self._filling:
            while self._later:
                self.add(*self._later.pop(0)())
            if self._plugged:
                return
            self._plugged = True
            # A fifth of the time in which this package is imported, for those who look.
            for point in import_module("importlib.metadata").entry_points(group=self.group):
                if reason := self._take(point):
                    self._broken[point.name] = reason

    def _take(self, point: EntryPoint) -> str:
        """Adds a plug-in's record; in words why that cannot be done, empty if it was."""
        try:
            record = point.load()
        except Exception as error:
            return f"{point.value} cannot be imported: {type(error).__name__}: {error}"
        if not isinstance(record, self.kind):
            return f"{point.value} is a {type(record).__name__}, not a {self.kind.__module__}.{self.kind.__name__}"
        # Ids are parts of settings' names, of lists on the command line and of files' names.
        if not (isinstance(record.id, str) and _ID.fullmatch(record.id)):
            return f"{record.id!r} is no id: lower-case letters, digits, _ and - are, 64 at most"
        try:
            self.add(record)
        except ValueError as error:
            return str(error)
        return ""


_WITH_PLUG_INS: list[Registry[Any]] = []


def broken_plug_ins() -> list[tuple[str, str, str]]:
    """Every plug-in that could not be taken in: what it would have been, its name, and why."""
    return [(r.noun, name, reason) for r in _WITH_PLUG_INS for name, reason in r.broken.items()]
