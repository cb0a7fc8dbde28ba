"""A comparison as a data frame, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cu_core.analysis.compare.columns import ComparedColumn
from cu_core.analysis.compare.lines import Summary
from cu_core.analysis.compare.table import Table, TableRow
from cu_core.catalogue.verdict_states import several_words


def frame(table: Table) -> pd.DataFrame:
    """Everything that the table knows, as numbers: one row per line, for files.

    Returns:
        Columns ``line``, ``kind``, ``method``, ``runs``, ``seeds``, ``flags``; then of each shown column C: ``C`` (mean
        in its own unit, shares 0..1), ``C sd``, ``C n``, and where retraining is the target ``C distance`` (in half
        widths of the band) and ``C reference``; ``C low`` and ``C high`` where it has an interval. A verdict is the
        state of each of the runs.
    """
    rows = []
    for row in table.rows:
        line: dict[str, Any] = {
            "line": row.label,
            "kind": row.kind,
            "method": row.runs[0].method if row.kind == "runs" else "",
            "runs": " ".join(run.run_id for run in row.runs),
            "seeds": " ".join(map(str, row.seeds)),
            "flags": ", ".join(row.flags),
        }
        for column in table.columns:
            cell = row.cells[column.id]
            if column.states:
                line |= {column.id: " ".join(name or "none" for name in column.named(cell.values)) if cell.n else ""}
                continue
            line |= {column.id: cell.mean, f"{column.id} sd": cell.sd, f"{column.id} n": cell.n}
            if column.against_reference:
                line |= {f"{column.id} distance": cell.distance, f"{column.id} reference": cell.reference}
            if column.id == "tow" or column.id.startswith("auc_"):
                line |= {f"{column.id} low": cell.low, f"{column.id} high": cell.high}
        rows.append(line)
    found = pd.DataFrame(rows)
    numeric = {column.id for column in table.columns if not column.states}
    numbers = [name for name in found.columns if name.split(" ")[0] in numeric]
    return found.astype({name: "Float64" for name in numbers})


def markdown(table: Table) -> str:
    """The table in Markdown, mean ± sd over seeds in each cell, with its footnotes.

    Where a number has a band, what stands in brackets is its distance to the references' mean in half widths of the
    band: within -1 and 1 it could be one more reference's.
    """
    heads = ["", "seeds", *(column.heading for column in table.columns)]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for row in table.rows:
        name = row.label + (f" ({', '.join(row.flags)})" if row.flags else "")
        lines.append([name, str(len(row.seeds)), *(cell_text(c, row.cells[c.id]) for c in table.columns)])
    text = "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)
    notes = footnotes(table)
    return text + ("\n\n" + "\n".join(f"- {note}" for note in notes) if notes else "") + "\n"


def footnotes(table: Table) -> list[str]:
    """What a reader of the numbers should know, in words."""
    notes = [*table.warnings]
    if any(len(row.seeds) > 1 for row in table.rows):
        notes.append("Mean ± standard deviation over seeds; of retrained models over all that the runs share.")
    if any(cell.distance is not None for row in table.rows for cell in row.cells.values()):
        notes.append(
            "In brackets: distance to the retrained models' mean in half widths of their 95 % prediction band; within "
            "-1 and 1 it could be one more retrained model. Of a true retraining one number in 20 lies outside."
        )
    notes += [f"n/a: {reason}." for reason in table.missing()]
    notes += [f"No distance: {reason}." for reason in table.without_band()]
    return notes


def cell_text(column: ComparedColumn, cell: Summary) -> str:
    """Mean ± sd, the interval of a single run where it has one, and the distance in brackets; of verdicts the state."""
    if column.states:
        return several_words(column.named(cell.values)) or "n/a"
    text = column.text(cell.mean)
    if cell.mean is None:
        return text
    if cell.sd is not None:
        text += f" ± {column.text(cell.sd)}"
    elif cell.low is not None and cell.high is not None:
        text += f" ({column.text(cell.low)} to {column.text(cell.high)})"
    if cell.distance is not None:
        # Without a minus before zero.
        text += f" [{round(cell.distance, 1) + 0.0:+.1f}]"
    return text


def as_json(table: Table) -> dict[str, Any]:
    """The table as one JSON object; the values of single runs are kept."""
    return {
        "attack": table.attack,
        "columns": [{"id": c.id, "title": c.title, "summary": c.summary, "percent": c.percent} for c in table.columns],
        "rows": [_row_json(row, table.columns) for row in table.rows],
        "warnings": list(table.warnings),
        "missing": table.missing(),
        "without_band": table.without_band(),
    }


def _row_json(row: TableRow, columns: Sequence[ComparedColumn]) -> dict[str, Any]:
    head = {
        "line": row.label,
        "kind": row.kind,
        "method": row.runs[0].method if row.kind == "runs" else None,
        "runs": [run.run_id for run in row.runs],
        "seeds": list(row.seeds),
        "flags": list(row.flags),
    }
    cells = {}
    for column in columns:
        cell = row.cells[column.id]
        if column.states:
            cells[column.id] = {"states": [name or None for name in column.named(cell.values)], "n": cell.n}
            continue
        cells[column.id] = {name: getattr(cell, name) for name in Summary.__dataclass_fields__} | {"n": cell.n}
    return head | {"cells": cells}


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
