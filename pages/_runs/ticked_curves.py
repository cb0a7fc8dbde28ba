"""Curves over rounds of the runs that are ticked in the list, and the way to their comparison."""

from __future__ import annotations

import streamlit as st

from cu_core.analysis.recorded_signals import curves_of
from cu_core.base.display_text import counted
from cu_core.runstore.reader import RunRow, open_run
from pages._frame.page_records import pages
from pages._shared.plain_text import plain
from pages._shared.run_curves import draw_curves
from pages._shared.server_home import home

MOST_COMPARED = 6


def ticked_curves(rows: list[RunRow]) -> None:
    """Curves over rounds of the ticked runs."""
    page = pages()["compare"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"Compare {counted(len(rows), 'run')}", anchor=False, width="content")
        if st.button(page.title, key="to_compare", icon=page.icon, help="Side by side, against retraining."):
            st.switch_page(page.file, query_params={"runs": ",".join(row.run_id for row in rows)})
    if len(rows) > MOST_COMPARED:
        st.caption(f"The first {MOST_COMPARED} are drawn; more lines could not be told apart.")
    curves = []
    for row in rows[:MOST_COMPARED]:
        found = curves_of(open_run(home(), row.run_id), f"{row.title} · seed {row.seed} · {row.run_id[-4:]}")
        if found is None:
            st.caption(f"{plain(row.title)}: no round that can be shown.")
        else:
            curves.append(found)
    if curves:
        draw_curves(curves, key="compare_curves")
