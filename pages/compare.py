"""Runs side by side: the table with distances to retraining, pictures, differences in words, and the full record."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from cu_core.analysis.compare.columns import COLUMNS, attacks_made, columns_named, default_columns
from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.difference import differences
from cu_core.analysis.compare.formats import frame
from cu_core.analysis.compare.provenance import full_record
from cu_core.analysis.compare.reading import Stamp, read_runs, stamp_of
from cu_core.analysis.compare.table import Table, make_table
from cu_core.analysis.report.comparison_report import report_of
from cu_core.analysis.report.document import html_of
from cu_core.base.errors import UnlearnscopeError
from cu_core.metrics.attacks import ATTACKS
from cu_core.runstore.reader import list_runs, open_run
from pages._common import empty_state, home
from pages._compare_choice import choice, choose, chosen_ids, in_order
from pages._compare_table import CELLS, show_table
from pages._compare_views import Views
from pages._downloads import table_downloads
from pages._text import plain

HOME = home()
SEEDS = {"mean": "Mean ± sd over seeds", "each": "Every run"}
PICTURES = {
    "pareto": "Trade-off",
    "rounds": "Over rounds",
    "classes": "Per class",
    "predictions": "Predictions",
    "distributions": "Distributions",
    "layers": "Layers",
    "recovery": "Probe recovery",
}


@st.cache_data(max_entries=32, show_spinner=False)
def compared(root: str, stamps: tuple[Stamp, ...]) -> tuple[list[Compared], list[str]]:
    """The chosen runs; the stamps say which, and in what state they were."""
    return read_runs(HOME, [stamp[0] for stamp in stamps])


@st.cache_data(max_entries=32, show_spinner=False)
def table_of(
    stamps: tuple[Stamp, ...], _runs: list[Compared], columns: tuple[str, ...], attack: str, over_seeds: bool
) -> Table:
    """The table of the chosen runs."""
    return make_table(_runs, columns_named(columns), attack=attack, over_seeds=over_seeds)


def table_section(runs: list[Compared], stamps: tuple[Stamp, ...]) -> bool:
    """The table with its controls; returns whether lines are means over seeds."""
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
            "Filter", key="compare_filter", placeholder="Words of a line", icon=":material/filter_alt:", width=180
        )
        with st.popover("Columns", icon=":material/view_column:"):
            usual = default_columns(runs)
            shown = st.multiselect(
                "Shown columns",
                list(COLUMNS),
                default=usual,
                format_func=lambda name: COLUMNS[name].title,
                key=f"compare_columns_{'_'.join(usual)}",
            )
    over_seeds = seeds == "mean"
    table = table_of(stamps, runs, tuple(shown or usual), attack, over_seeds)
    for warning in table.warnings:
        st.warning(warning, icon=":material/warning:")
    show_table(table, cells, text)
    with st.container(horizontal=True, vertical_alignment="center"):
        table_downloads(frame(table), "comparison", "comparison")
        title = st.query_params.get("group") or f"Comparison of {len(runs)} run{'s' if len(runs) > 1 else ''}"
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
    return html_of(report_of(runs, HOME, title=title, attack=attack, over_seeds=over_seeds)).encode()


def difference_section(runs: list[Compared]) -> None:
    """How two of the runs differ, in words, and a clone of either."""
    names = {run.run_id: f"{run.title} · seed {run.seed} · {run.run_id}" for run in runs}
    left, right = st.columns(2)
    picked = []
    for place, column in enumerate((left, right)):
        with column:
            run_id = st.selectbox(
                ("First", "Second")[place],
                list(names),
                index=min(place, len(names) - 1),
                format_func=names.__getitem__,
                key=f"difference_{place}",
            )
            picked.append(next(run for run in runs if run.run_id == run_id))
            if st.button("Clone with changes", key=f"clone_{place}", icon=":material/content_copy:",
                         help="Fills the launch form with this run."):  # fmt: skip
                st.switch_page("launch.py", query_params={"clone": run_id})
    first, second = picked
    found = differences(first.spec, second.spec)
    if not found:
        st.info("They ask for the same." if first is not second else "Choose two runs.", icon=":material/info:")
        return
    st.markdown("\n".join(f"- {plain(difference)}" for difference in found))
    listed = pd.DataFrame(
        [{"setting": d.path, "label": d.label, "first": d.first, "second": d.second} for d in found], dtype="string"
    )
    with st.container(horizontal=True):
        table_downloads(listed, f"difference-{first.run_id}-{second.run_id}", "difference")


def record_section(runs: list[Compared]) -> None:
    """The full record of one of the runs."""
    names = {run.run_id: f"{run.title} · seed {run.seed} · {run.run_id}" for run in runs}
    run_id = st.selectbox("Run", list(names), format_func=names.__getitem__, key="record_run")
    try:
        record = full_record(open_run(HOME, run_id))
    except UnlearnscopeError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.dataframe(
        record,
        hide_index=True,
        column_config={"part": "Part", "name": "What", "value": st.column_config.TextColumn("Value", width="large")},
        alt="Specification, seeds, hashes, versions, hardware and commands of the run",
    )
    with st.container(horizontal=True):
        table_downloads(record, f"record-{run_id}", "record")
        st.page_link("run.py", label="Open this run", icon=":material/monitoring:", query_params={"run": run_id})


st.title("Compare", anchor=False)
rows = [row for row in list_runs(HOME) if row.rounds or row.state == "succeeded"]
if not rows:
    empty_state(
        "Nothing to compare yet",
        "Launch runs of several methods with the same images, model and forget set, and with references: runs that "
        "share them train base model and references once.",
        "Launch a run",
        "launch.py",
    )
chosen = chosen_ids(rows)
box = st.expander(
    f"Runs: {len(chosen)} chosen" if chosen else "Choose runs", icon=":material/checklist:", expanded=not chosen
)
with box:
    choice(rows, chosen)
if not chosen:
    st.info(
        "Tick two runs or more above, or open a group of runs: all that a grid or a sweep queued together.",
        icon=":material/compare:",
    )
    groups = list(dict.fromkeys(row.group for row in rows if row.group))
    if groups:
        with st.container(horizontal=True):
            for group in groups[:8]:
                members = in_order([row for row in rows if row.group == group])
                st.button(f"{plain(group)} ({len(members)})", key=f"group_{group}", icon=":material/folder_open:",
                          on_click=choose, args=(members,))  # fmt: skip
    st.stop()
st.session_state["compared_runs"] = chosen
by_id = {row.run_id: row for row in rows}
stamps = tuple(stamp_of(i, by_id[i].state, by_id[i].finished, by_id[i].rounds) for i in chosen)
runs, problems = compared(str(HOME.root), stamps)
for problem in problems:
    st.warning(plain(problem), icon=":material/warning:")
if not runs:
    st.stop()

means = table_section(runs, stamps)
picture = st.segmented_control(
    "Picture", list(PICTURES), format_func=PICTURES.__getitem__, default="pareto", required=True, key="picture",
    bind="query-params", label_visibility="collapsed",
)  # fmt: skip
try:
    getattr(Views(runs, stamps, means=means), picture)()
except UnlearnscopeError as error:
    st.error(str(error), icon=":material/error:")

for title, icon, key, section in (
    ("Difference of two runs", ":material/difference:", "difference_box", difference_section),
    ("Full record of a run", ":material/fact_check:", "record_box", record_section),
):
    opened = st.expander(title, icon=icon, key=key, on_change="rerun")
    if opened.open:
        with opened:
            section(runs)
