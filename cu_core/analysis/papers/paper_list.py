"""The list of papers whose result tables can be filled, each with its scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cu_core.analysis.papers import scales, scales_lee, tables_lee
from cu_core.analysis.papers import tables_wang_chen as tables
from cu_core.analysis.papers.paper_table import PaperTable
from cu_core.analysis.papers.scales import Scale


@dataclass(frozen=True)
class Paper:
    """One paper.

    Attributes:
        id: short name.
        title: authors and what it is about, for a picker.
        tables: by id; no two papers share one.
        scales: at which its tables can be filled, by id.
        usual: id of the scale that is shown where nobody chooses one.
    """

    id: str
    title: str
    tables: Mapping[str, PaperTable]
    scales: Mapping[str, Scale]
    usual: str = "digits"


PAPERS: dict[str, Paper] = {
    p.id: p
    for p in (
        Paper(
            "contrastive",
            "Lee et al.: contrastive unlearning",
            tables_lee.TABLES,
            scales_lee.SCALES,
        ),
        Paper("gradient-penalty", "Wang & Chen: gradient penalty", tables.TABLES, scales.SCALES),
    )
}

ALL_TABLES: dict[str, PaperTable] = {name: table for paper in PAPERS.values() for name, table in paper.tables.items()}

SCALE_IDS: tuple[str, ...] = tuple(dict.fromkeys(name for paper in PAPERS.values() for name in paper.scales))


def paper_of(table: PaperTable) -> Paper:
    """The paper that a table stands in."""
    return next(paper for paper in PAPERS.values() if table.id in paper.tables)


def scales_of(table: PaperTable) -> dict[str, Scale]:
    """The scales at which a table can be filled, by id."""
    known = paper_of(table).scales
    return {name: scale for name, scale in known.items() if not table.scales or name in table.scales}


def usual_scale(table: PaperTable) -> Scale:
    """The scale that is shown where nobody chooses one."""
    known = scales_of(table)
    return known.get(paper_of(table).usual) or next(iter(known.values()))


def table_named(name: str) -> PaperTable | None:
    """A table by its id, in any letter case; None if there is none."""
    return ALL_TABLES.get(name.strip().upper())
