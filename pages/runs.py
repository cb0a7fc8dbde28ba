"""All runs: live table, comparison of curves, and the bin."""

from __future__ import annotations

import streamlit as st

from cu_core.jobs import submission
from cu_core.runstore.reader import list_runs
from pages._frame import gate
from pages._frame.notices import empty_state
from pages._frame.page_records import Page
from pages._frame.run_deletion import offer_undo
from pages._runs.run_intake import import_runs, tell_import
from pages._runs.runs_bin import show_bin
from pages._runs.runs_table import board
from pages._shared.run_states import ACTIVE, STATES
from pages._shared.server_home import home

PAGE = Page(
    id="runs",
    title="Runs",
    icon=":material/table_rows:",
    help="All runs with their progress and key metrics. Select some to compare their curves.",
    purpose="all runs with state, progress and key numbers; select some to compare their curves",
    section="Experiments",
    order=1,
)
REFRESH_SECONDS = 2.0

# Only where a session begins: leaving this page for a run puts the run into this page's entry of the browser's
# history too, and the back button has to lead here.
if (run_id := st.query_params.get("run")) and "last_run" not in st.session_state:
    st.switch_page("run.py", query_params={"run": run_id})

with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
    st.title(PAGE.title, anchor=False)
    with st.container(horizontal=True, width="content"):
        import_runs()
        if gate.button("Launch a run", "launch", type="primary", icon=":material/rocket_launch:"):
            st.switch_page("launch.py")

offer_undo()
tell_import()
rows = list_runs(home())
if not rows and not submission.binned(home()):
    empty_state(
        "No runs yet", "Pick a preset and watch a small model forget in under a minute.", "Launch a run", "launch.py"
    )

with st.container(horizontal=True, vertical_alignment="center"):
    st.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="Search title, method, data, id",
        label_visibility="collapsed",
        icon=":material/search:",
        width=270,
    )
    st.pills(
        "State", list(STATES), selection_mode="multi", key="state", bind="query-params", label_visibility="collapsed"
    )
    if any(row.owner for row in rows):
        st.toggle("Mine", key="mine", bind="query-params", help="Only runs that you have launched.")

is_live = any(row.state in ACTIVE for row in rows)
visitor = gate.visitor()
st.fragment(run_every=REFRESH_SECONDS if is_live else None)(board)(is_live, visitor.name if visitor else "")

bin_box = st.expander("Bin", icon=":material/delete:", key="bin_box", on_change="rerun")
if bin_box.open:
    with bin_box:
        show_bin()
