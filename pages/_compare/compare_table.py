"""The table of the compare page: numbers, coloured by their distance to retrained models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.analysis.compare.columns import ComparedColumn
from cu_core.analysis.compare.lines import Summary
from cu_core.analysis.compare.table import Table, TableRow, flag_words
from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.catalogue.method_record import retain_words
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.question_record import STATES
from cu_core.catalogue.verdict_states import several_rank, several_words
from cu_core.figures.theme import VERDICT_COLOURS, distance_colour, tint
from pages._shared.plain_text import plain

CELLS = {"value": "Value", "distance": "Distance in bands", "gap": "Value − reference"}
"""What a cell shows: the number, its distance to the reference in half widths of the band, or its difference."""

SHORT = {metric.id: metric.heading for metric in METRICS.values()} | {
    "tow": "Tug of war",
    "auc_transferred": "AUC transf.",
    "auc_refitted": "AUC re-fitted",
    "time_share": "Time share",
    "images_share": "Images share",
}
"""Headings that fit; the full title stands in the help."""

STATE_OPACITY, STATE_WIDTH = 0.28, 160

MOST_REASONS = 3
"""More reasons than these are folded away."""


class RowTexts:
    """Formatter of one column that says a text per row, whatever the number in the cell.

    A pandas Styler formats by value alone, and naming the cell of each text takes it milliseconds. It asks once per
    cell, from the first row to the last.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        self.place = 0

    def __call__(self, value: object) -> str:
        text = self.texts[self.place]
        self.place = (self.place + 1) % len(self.texts)
        return text


def show_table(table: Table, cells: str, text: str) -> None:
    """The table with its colours and footnotes.

    Args:
        table: the comparison.
        cells: key of `CELLS`.
        text: only lines with these words are shown.
    """
    wanted = text[:200].lower().split()
    rows = [row for row in table.rows if all(word in _words(row) for word in wanted)]
    if not rows:
        st.info("No line matches the filter.", icon=":material/search_off:")
        return
    columns = [c for c in table.columns if cells == "value" or c.against_reference]
    st.dataframe(
        styled(rows, columns, cells),
        key=f"comparison_{cells}",
        hide_index=True,
        height="content" if len(rows) < 20 else 36 * 20,
        column_config=_config(columns, cells),
        placeholder="n/a",
        alt="Runs side by side, with their distance to retrained models",
    )
    _below(table, cells)


def styled(rows: Sequence[TableRow], columns: Sequence[ComparedColumn], cells: str) -> Any:
    """The shown numbers as a pandas Styler: sorted by mean, read as mean ± sd, coloured by distance."""
    shown: dict[str, list[Any]] = {
        "line": [row.label for row in rows],
        "seeds": [len(row.seeds) for row in rows],
    }
    colours: dict[str, list[str]] = {}
    texts: dict[str, RowTexts] = {}
    for column in columns:
        found = [row.cells[column.id] for row in rows]
        shown[column.id] = [_number(column, cell, cells) for cell in found]
        texts[column.id] = RowTexts([_text(column, cell, cells) for cell in found])
        colours[column.id] = [
            _colour(column, cell) if row.kind == "runs" else "" for row, cell in zip(rows, found, strict=True)
        ]
    if any(row.flags for row in rows):
        shown["flags"] = [", ".join(row.flags) for row in rows]
    data = shown_table(pd.DataFrame(shown))
    css = pd.DataFrame("", index=data.index, columns=data.columns)
    for name, column_colours in colours.items():
        css[name] = [f"background-color: {colour}" if colour else "" for colour in column_colours]
    return data.style.apply(lambda _: css, axis=None).format(texts)


def _colour(column: ComparedColumn, cell: Summary) -> str:
    """Ground of a cell: how far it is from retraining, or which state it names."""
    if not column.states:
        return distance_colour(cell.distance)
    rank = several_rank(column.named(cell.values))
    return "" if rank is None else tint(VERDICT_COLOURS[list(STATES)[int(rank)]], STATE_OPACITY)


def _text(column: ComparedColumn, cell: Summary, cells: str) -> str:
    if column.states:
        return several_words(column.named(cell.values)) or "n/a"
    if cells == "distance":
        # Without a minus before zero.
        return "n/a" if cell.distance is None else f"{round(cell.distance, 1) + 0.0:+.1f}"
    if cells == "gap":
        return (
            "n/a" if cell.gap is None else f"{round(_scaled(column, cell.gap), column.digits) + 0.0:+.{column.digits}f}"
        )
    return column.text(cell.mean) + (f" ± {column.text(cell.sd)}" if cell.sd is not None else "")


def _number(column: ComparedColumn, cell: Summary, cells: str) -> float:
    if column.states:
        rank = several_rank(column.named(cell.values))
        return np.nan if rank is None else rank
    if cells == "distance":
        return np.nan if cell.distance is None else cell.distance
    return _scaled(column, cell.gap if cells == "gap" else cell.mean)


def _scaled(column: ComparedColumn, value: float | None) -> float:
    return np.nan if value is None else 100 * value if column.percent else value


def _config(columns: Sequence[ComparedColumn], cells: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "line": st.column_config.TextColumn("", width=200, pinned=True),
        "seeds": st.column_config.NumberColumn("n", help="Runs, or retrained models, behind the line.", width=36),
        "flags": st.column_config.TextColumn(
            "Flags", help="Collapsed, or over-unlearned: forget samples look less known than to retrained models."
        ),
    }
    for column in columns:
        unit = " %" if column.percent and cells == "value" else " pt" if column.percent and cells == "gap" else ""
        heading = f"{SHORT.get(column.id, column.title)}{unit}"
        config[column.id] = st.column_config.NumberColumn(
            heading,
            help=f"{column.title}. {column.summary}",
            width=STATE_WIDTH if column.states else max(96, 7 * len(heading) + 20),
            alignment="left" if column.states else "right",
        )
    return config


def _below(table: Table, cells: str) -> None:
    coloured = (
        "Colour: distance to the mean of the retrained models in half widths of their 95 % prediction band. None "
        "within it: the number could be one more retrained model's; of a true retraining one in 20 lies outside. "
        "Purple below, green above, stronger from 2, 4 and 8 on. It does not depend on which runs are chosen."
    )
    said = [coloured] if any(cell.distance is not None for row in table.rows for cell in row.cells.values()) else []
    said += ["Of a verdict the colour repeats the state."] if any(column.states for column in table.columns) else []
    if said:
        st.caption(" ".join(said))
    if read := retain_words(run.method for row in table.rows if row.kind == "runs" for run in row.runs):
        st.caption(read)
    for title, reasons in (("n/a", table.missing()), ("No distance to the reference", table.without_band())):
        if reasons and not (title == "n/a" and cells == "distance"):
            words = "\n".join(f"- {title}: {plain(reason)}." for reason in reasons)
            if len(reasons) <= MOST_REASONS:
                st.caption(words)
            else:
                with st.expander(f"{title}: {counted(len(reasons), 'reason')}", icon=":material/help:"):
                    st.caption(words)
    flagged = [(row, run) for row in table.rows if row.kind == "runs" for run in row.runs]
    flags = [
        "- " + plain(f"{row.label}, {run.title} (seed {run.seed}): {words}.")
        for row, run in flagged
        for words in flag_words(run)
    ]
    if flags:
        with st.expander(f"Flags: {len(flags)}", icon=":material/flag:"):
            st.caption("\n".join(flags))


def _words(row: TableRow) -> str:
    ids = " ".join(f"{run.run_id} {run.method} {run.title}" for run in row.runs) if row.kind == "runs" else ""
    return f"{row.label} {ids} {' '.join(row.flags)}".lower()
