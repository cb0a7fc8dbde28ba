"""Registries: what can be chosen, as records by id; built-in ones first, then those of installed plug-ins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, Protocol, TypeVar

from cu_core.base.errors import BadInput


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

    def add(self, *records: Record) -> None:
        """Takes entries in.

        Raises:
            ValueError: an id is in use already.
        """
        for record in records:
            if record.id in self._records:
                raise ValueError(f"{self.noun} id {record.id!r} is in use already")
            self._records[record.id] = record

    def named(self, name: str) -> Record:
        """The record of an id.

        Raises:
            BadInput: there is none; names those that there are, and why a plug-in of that name is broken.
        """
        if name in self:
            return self[name]
        reason = f"no {self.noun} named {name!r}"
        if name in self.broken:
            reason = f"the plug-in {name!r} is broken: {self.broken[name]}"
        raise BadInput(self.field, reason, self, given=name)

    @property
    def broken(self) -> Mapping[str, str]:
        """Plug-ins that could not be taken in: the entry point's name, and why."""
        self._plug_in()
        return self._broken

    def __getitem__(self, name: str) -> Record:
        self._plug_in()
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        self._plug_in()
        return iter(self._records)

    def __len__(self) -> int:
        self._plug_in()
        return len(self._records)

    def _plug_in(self) -> None:
        if self._plugged:
            return
        # First, so that a plug-in may look at the registry while it is imported.
        self._plugged = True
        for point in entry_points(group=self.group):
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
        try:
            self.add(record)
        except ValueError as error:
            return str(error)
        return ""
