"""The compared runs as a table with its controls, its files and the report."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cu_core.analysis.compare.columns import COLUMNS, attacks_made, columns_named, default_columns
from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.formats import frame
from cu_core.analysis.compare.reading import Stamp, read_runs
from cu_core.analysis.compare.table import Table, make_table
from cu_core.analysis.report.comparison_report import report_of
from cu_core.analysis.report.document import html_of
from cu_core.base.display_text import counted
from cu_core.catalogue.attack_record import ATTACKS
from pages._compare.compare_table import CELLS, show_table
from pages._shared.downloads import table_downloads
from pages._shared.plain_text import plain
from pages._shared.server_home import home
from pages._terms.term_link import terms_row

SEEDS = {"mean": "Mean ± sd over seeds", "each": "Every run"}


@st.cache_data(max_entries=32, show_spinner=False)
def compared(root: str, stamps: tuple[Stamp, ...]) -> tuple[list[Compared], list[str]]:
    """The chosen runs; the stamps say which, and in what state they were."""
    return read_runs(home(), [stamp[0] for stamp in stamps])


@st.cache_data(max_entries=32, show_spinner=False)
def table_of(
    stamps: tuple[Stamp, ...], _runs: list[Compared], columns: tuple[str, ...], attack: str, over_seeds: bool
) -> Table:
    """The table of the chosen runs."""
    return make_table(_runs, columns_named(columns), attack=attack, over_seeds=over_seeds)


def table_section(runs: list[Compared], stamps: tuple[Stamp, ...]) -> bool:
    """The table with its controls; returns whether lines are means over seeds."""
    terms_row("band", "tug-of-war", "probe-recovery", "cost")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.segmented_control(
            "Seeds", list(SEEDS), format_func=SEEDS.__getitem__, default="mean", required=True, key="seeds",
            bind="query-params",
        )  # fmt: skip
        cells = st.segmented_control(
            "Cells", list(CELLS), format_func=CELLS.__getitem__, default="value", required=True, key="cells",
            bind="query-params",
        )  # fmt: skip
        attacks = attacks_made(runs)
        attack = st.selectbox(
            "Attack",
            attacks or ["loss"],
            format_func=lambda name: ATTACKS[name].title,
            key="compare_attack",
            width=190,
            help="The membership attack whose AUC is shown.",
        )
        text = st.text_input(
            "Filter", key="compare_filter", placeholder="Name, method or data", icon=":material/filter_alt:", width=180
        )
        with st.popover("Columns", icon=":material/view_column:"):
            usual = default_columns(runs)
            shown = st.multiselect(
                "Shown columns",
                list(COLUMNS),
                default=usual,
                format_func=lambda name: COLUMNS[name].title,
                key=f"compare_columns_{'_'.join(usual)}",
                select_all=False,
            )
    over_seeds = seeds == "mean"
    table = table_of(stamps, runs, tuple(shown or usual), attack, over_seeds)
    for warning in table.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    show_table(table, cells, text)
    with st.container(horizontal=True, vertical_alignment="center"):
        table_downloads(frame(table), "comparison", "comparison")
        title = st.query_params.get("group") or f"Comparison of {counted(len(runs), 'run')}"
        st.download_button(
            "Report",
            partial(report_bytes, runs, title, attack, over_seeds),
            "comparison.html",
            "text/html",
            key="report",
            icon=":material/summarize:",
            on_click="ignore",
            help="Table, pictures, differences and full records in one HTML file that opens offline; about 5 MB.",
        )
    return over_seeds


def report_bytes(runs: list[Compared], title: str, attack: str, over_seeds: bool) -> bytes:
    """The report of the compared runs."""
    return html_of(report_of(runs, home(), title=title, attack=attack, over_seeds=over_seeds)).encode()
