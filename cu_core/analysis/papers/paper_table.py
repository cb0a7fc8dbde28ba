"""Data classes of a published table: columns, rows, values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PaperColumn:
    """One published quantity.

    Attributes:
        id: key of the published values of a row.
        title: column heading.
        moment: ``"before"``, ``"after"`` or ``"reference"``.
        quantity: id in `cu_core.analysis.papers.quantities.QUANTITIES`.
    """

    id: str
    title: str
    moment: str
    quantity: str


@dataclass(frozen=True)
class PaperRow:
    """One setting of a published table.

    Attributes:
        id: short name, unique in its table.
        title: as the table heads it.
        values: column id to published value in the table's own unit; None where the table has no number.
        settings: settings of the specification that make a run belong here, by full name (``train.objective``, or
            ``method.temperature`` for a hyper-parameter); ``forget.count`` is the number of random samples that are
            forgotten at the paper's scale.
        why_not: why no run can fill this row; empty if one can.
        parts: what each of its settings is called in the title, where a title names several of them.
    """

    id: str
    title: str
    values: Mapping[str, float | None]
    settings: Mapping[str, Any] = field(default_factory=dict)
    why_not: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperTable:
    """A published table.

    Attributes:
        id: as the paper numbers it.
        title: what it shows, without the scale.
        source: paper and where in it.
        heading: of the column with the rows' titles.
        columns: in the paper's order.
        rows: in the paper's order.
        settings: settings that all rows share, see `PaperRow.settings`.
        notes: what a reader has to know to compare.
        seeds: with which the paper fills each row.
        scales: ids of the scales at which it can be filled; empty for all of its paper's.
    """

    id: str
    title: str
    source: str
    heading: str
    columns: tuple[PaperColumn, ...]
    rows: tuple[PaperRow, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    scales: tuple[str, ...] = ()
