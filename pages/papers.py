"""Published tables beside the numbers of runs made here, and one click that queues the runs which are missing."""

from __future__ import annotations

import streamlit as st

from cu_core.analysis.papers.filled_table import waiting_runs
from cu_core.analysis.papers.paper_list import ALL_TABLES, PAPERS, scales_of, usual_scale
from cu_core.runstore.reader import list_runs
from pages._frame.damage_notes import name_damaged
from pages._frame.page_records import Page
from pages._papers.fill_form import fill_section
from pages._papers.paper_table import facts_section, filled_table, table_section
from pages._shared.server_home import home

PAGE = Page(
    id="papers",
    title="Paper tables",
    icon=":material/table_chart:",
    help="The numbers that papers report beside those of runs made here, cell by cell.",
    purpose="the tables of a paper with its numbers beside those of your runs; one click fills a table",
    section="Experiments",
    order=5,
)
REFRESH_SECONDS = 5.0


def body() -> None:
    """The chosen table."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        table = st.segmented_control(
            "Table",
            list(ALL_TABLES),
            default=next(iter(ALL_TABLES)),
            required=True,
            key="table",
            bind="query-params",
            help="  \n".join(f"{', '.join(paper.tables)}: {paper.title}." for paper in PAPERS.values()),
        )
        scales = scales_of(ALL_TABLES[table])
        usual = usual_scale(ALL_TABLES[table]).id
        if st.session_state.get("scale", usual) not in scales:
            st.session_state["scale"] = usual
        scale = st.segmented_control(
            "Scale",
            list(scales),
            format_func=lambda name: scales[name].title,
            default=usual,
            required=True,
            key="scale",
            bind="query-params",
        )
    filled = filled_table(table, scale)
    table_section(filled)
    facts_section(filled)
    name_damaged(list_runs(home()))
    for note in filled.table.notes:
        st.caption(note)
    fill_section(filled)


st.title(PAGE.title, anchor=False)
st.caption(
    "A run belongs to a row by what it did: images, network, training, forget set, method and all hyper-parameters. "
    "Numbers of different scales never share a table."
)
busy = bool(waiting_runs(home()))
st.fragment(run_every=REFRESH_SECONDS if busy else None)(body)()
