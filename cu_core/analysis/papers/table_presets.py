"""The presets that fill published tables: one per table and scale."""

from __future__ import annotations

from collections.abc import Iterator

from cu_core.analysis.papers.paper_list import ALL_TABLES, scales_of
from cu_core.analysis.papers.paper_runs import preset_id, specs_of
from cu_core.analysis.papers.paper_table import PaperTable
from cu_core.analysis.papers.scales import Scale, title_of
from cu_core.catalogue.presets import Preset


def table_presets() -> Iterator[Preset]:
    """Every table at every scale at which it can be filled."""
    for table in ALL_TABLES.values():
        for scale in scales_of(table).values():
            yield _preset(table, scale)


def _preset(table: PaperTable, scale: Scale) -> Preset:
    specs = tuple(specs_of(table, scale))
    runs = "1 run" if len(specs) == 1 else f"{len(specs)} runs"
    words = title_of(scale, specs)
    return Preset(
        preset_id(table, scale),
        f"Table {table.id}: {table.title}",
        f"{runs}; {words}. {table.source}.",
        specs[0],
        specs,
    )
