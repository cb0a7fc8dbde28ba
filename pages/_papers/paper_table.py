"""A published table beside the numbers of runs made here, cell by cell."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cu_core.analysis.papers.filled_table import Filled, fill, finished_runs, waiting_runs
from cu_core.analysis.papers.paper_list import ALL_TABLES, scales_of
from cu_core.analysis.papers.table_text import (
    NOTHING,
    counts_text,
    numbers_of,
    ours_text,
    paper_text,
    shown_columns,
    state_text,
)
from cu_core.base.csv_cells import shown_table
from pages._shared.downloads import table_downloads
from pages._shared.server_home import home


def filled_table(table: str, scale: str) -> Filled:
    """A table at a scale with the runs of this home."""
    known = ALL_TABLES[table]
    at = scales_of(known)[scale]
    return fill(known, at, finished_runs(home(), known, [at]), waiting_runs(home()))


def table_section(filled: Filled) -> None:
    """The table: in each cell the paper's number, then ours."""
    st.header(filled.title, anchor=False)
    st.caption(f"{filled.table.source}. In each cell: the paper · **ours**. {NOTHING} is a number that does not exist.")
    rows = []
    for row in filled.rows:
        cells = {filled.table.heading: row.row.title}
        for column, published in shown_columns(filled):
            cell = row.cells[column.id]
            ours = f"**{ours_text(column, cell)}**" if cell.mean is not None else f":gray[{NOTHING}]"
            if not row.runs:
                ours = f":gray[{state_text(row) if row.spec is not None else 'cannot be run'}]"
            cells[column.title] = f"{paper_text(cell)} · {ours}" if published else ours
        rows.append(cells)
    st.table(pd.DataFrame(rows).set_index(filled.table.heading), border="horizontal")
    with st.container(horizontal=True):
        table_downloads(numbers_of(filled), filled.preset, "paper_table")
    for row in filled.rows:
        if row.spec is None:
            st.caption(f":material/block: {row.row.title}: this row {row.row.why_not}.")


def facts_section(filled: Filled) -> None:
    """Samples, seeds, machine and runs behind each row."""
    if not any(row.runs for row in filled.rows):
        return
    st.dataframe(
        shown_table(
            pd.DataFrame(
                [
                    {
                        filled.table.heading: row.row.title,
                        "Samples": counts_text(row.counts),
                        "Seeds": ", ".join(map(str, sorted(row.seeds))),
                        "Machine": " / ".join(row.hardware),
                        # Beside this page, whatever path the server has.
                        "Run": f"run?run={row.runs[-1]}",
                    }
                    for row in filled.rows
                    if row.runs
                ]
            )
        ),
        hide_index=True,
        column_config={"Run": st.column_config.LinkColumn("Latest run", display_text="open")},
        placeholder="–",
        alt="Samples, seeds, machine and latest run behind each row",
    )
    if any(len(row.runs) > 1 for row in filled.rows):
        st.caption("Ours: mean ± standard deviation over seeds.")
    for note in dict.fromkeys(note for row in filled.rows for note in row.notes):
        st.caption(f":material/info: {note}")
