"""Published result tables as data, the runs that fill them, and the tables filled with runs made here."""

from __future__ import annotations

from collections.abc import Iterator

from cu_core.catalogue.presets import PRESETS, Preset


def _table_presets() -> Iterator[Preset]:
    # A thousand runs, which most of those who import this package never look at.
    from cu_core.analysis.papers.table_presets import table_presets  # noqa: PLC0415

    return table_presets()


PRESETS.add_later(_table_presets)
