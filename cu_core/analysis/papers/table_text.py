"""Cells, rows and footnotes of a filled table as text, as JSON and as a data frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cu_core.analysis.papers.filled_table import Cell, Filled, FilledRow
from cu_core.analysis.papers.paper_table import PaperColumn
from cu_core.analysis.papers.quantities import QUANTITIES

NOTHING = "–"


def paper_text(cell: Cell) -> str:
    """The published value as printed; a dash where there is none."""
    return NOTHING if cell.paper is None else f"{cell.paper:g}"


def ours_text(column: PaperColumn, cell: Cell) -> str:
    """Our value, with its standard deviation where there are several seeds; a dash where there is none."""
    if cell.mean is None:
        return NOTHING
    digits = QUANTITIES[column.quantity].digits
    spread = "" if cell.sd is None else f" ± {cell.sd:.{digits}f}"
    return f"{cell.mean:.{digits}f}{spread}"


def state_text(row: FilledRow) -> str:
    """How many seeds a row rests on, or that it was not run."""
    if row.spec is None:
        return f"cannot be run: {row.row.why_not}"
    if not row.runs:
        return row.waiting[0].state if row.waiting else "not run"
    return f"{len(row.runs)} seed{'' if len(row.runs) == 1 else 's'}"


def command(filled: Filled) -> str:
    """The command that fills a table."""
    return f"unlearnscope submit --preset {filled.preset}"


def counts_text(counts: Mapping[str, Any] | None) -> str:
    """How many samples stand behind the numbers."""
    if not counts:
        return ""
    return ", ".join(f"{name} n = {counts[name]:,}" for name in ("forget", "retain", "unseen") if name in counts)


def facts(filled: Filled) -> list[str]:
    """What stands below a table: samples, seeds and machine of each row, what is missing, how to read it."""
    found = [
        f"{row.row.title}: {counts_text(row.counts)}; seed{'s' * (len(row.seeds) > 1)} "
        f"{', '.join(map(str, sorted(row.seeds)))}; on {' / '.join(row.hardware)}"
        for row in filled.rows
        if row.runs
    ]
    if any(len(row.runs) > 1 for row in filled.rows):
        found.append("Ours: mean ± standard deviation over seeds.")
    if filled.missing:
        found.append(f"Not run: {len(filled.missing)}; to fill them: {command(filled)}")
    return [*found, *filled.table.notes]


def shown_columns(filled: Filled) -> list[tuple[PaperColumn, bool]]:
    """Columns in order, and whether the paper has numbers in them at this scale."""
    return [
        (column, any(row.cells[column.id].paper is not None for row in filled.rows)) for column in filled.table.columns
    ]


def lines(filled: Filled) -> tuple[list[str], list[list[str]]]:
    """Header and cells: of every column the paper's number, then ours."""
    columns = shown_columns(filled)
    header = [filled.table.heading]
    for column, published in columns:
        header += [f"{column.title}, paper", f"{column.title}, ours"] if published else [f"{column.title}, ours"]
    rows = []
    for row in filled.rows:
        cells = [row.row.title]
        for column, published in columns:
            cell = row.cells[column.id]
            cells += [paper_text(cell)] if published else []
            cells.append(ours_text(column, cell))
        rows.append([*cells, state_text(row)])
    return [*header, "runs"], rows


def as_json(filled: Filled) -> dict[str, Any]:
    """A filled table as one JSON object."""
    return {
        "table": filled.table.id,
        "title": filled.title,
        "source": filled.table.source,
        "scale": filled.scale.id,
        "preset": filled.preset,
        "command": command(filled),
        "notes": list(filled.table.notes),
        "columns": [dataclasses.asdict(column) for column in filled.table.columns],
        "rows": [
            {
                "id": row.row.id,
                "title": row.row.title,
                "state": state_text(row),
                "runs": list(row.runs),
                "seeds": list(row.seeds),
                "counts": dict(row.counts) if row.counts else None,
                "hardware": list(row.hardware),
                "notes": list(row.notes),
                "cells": {name: dataclasses.asdict(cell) for name, cell in row.cells.items()},
            }
            for row in filled.rows
        ],
    }


def numbers_of(filled: Filled) -> pd.DataFrame:
    """A filled table for files, one line per row and column: the paper's value, ours, its spread and the seeds."""
    rows = [
        {
            "table": filled.table.id,
            "scale": filled.scale.id,
            "row": row.row.title,
            "column": column.title,
            "paper": row.cells[column.id].paper,
            "mean": row.cells[column.id].mean,
            "sd": row.cells[column.id].sd,
            "seeds": row.cells[column.id].seeds,
            "runs": " ".join(row.runs),
        }
        for row in filled.rows
        for column in filled.table.columns
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(("paper", "mean", "sd"), "Float64"))
