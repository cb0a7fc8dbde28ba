"""Runs side by side: the table with distances to retraining, pictures, differences in words, and the full record."""

from __future__ import annotations

import streamlit as st

from cu_core.analysis.compare.reading import stamp_of
from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.reader import list_runs
from pages._compare.compare_choice import choice, choose, chosen_ids, in_order
from pages._compare.compare_views import PICTURES, Views
from pages._compare.comparison_section import compared, table_section
from pages._compare.run_details import difference_section, record_section
from pages._frame.notices import empty_state
from pages._frame.page_records import Page
from pages._shared.plain_text import plain
from pages._shared.server_home import home

PAGE = Page(
    id="compare",
    title="Compare",
    icon=":material/balance:",
    help="Runs side by side: distances to retraining, trade-offs, differences of settings, full records.",
    purpose="runs side by side: distance of every number to retraining, trade-offs, differences of settings",
    section="Experiments",
    order=4,
)

st.title(PAGE.title, anchor=False)
rows = [row for row in list_runs(home()) if (row.rounds or row.state == "succeeded") and not row.copy_of]
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
runs, problems = compared(str(home().root), stamps)
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
    st.error(plain(error), icon=":material/error:")

for title, icon, key, section in (
    ("Difference of two runs", ":material/difference:", "difference_box", difference_section),
    ("Full record of a run", ":material/fact_check:", "record_box", record_section),
):
    opened = st.expander(title, icon=icon, key=key, on_change="rerun")
    if opened.open:
        with opened:
            section(runs)
