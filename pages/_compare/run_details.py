"""Below the comparison: how two of the runs differ, and the full record of one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.difference import differences
from cu_core.analysis.compare.provenance import full_record
from cu_core.base.csv_cells import shown_table
from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.reader import open_run
from pages._frame.page_links import link_to
from pages._shared.downloads import table_downloads
from pages._shared.plain_text import plain
from pages._shared.server_home import home


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
        record = full_record(open_run(home(), run_id))
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.dataframe(
        shown_table(record),
        hide_index=True,
        column_config={"part": "Part", "name": "What", "value": st.column_config.TextColumn("Value", width="large")},
        placeholder="–",
        alt="Specification, seeds, hashes, versions, hardware and commands of the run",
    )
    with st.container(horizontal=True):
        table_downloads(record, f"record-{run_id}", "record")
        link_to("run", "Open this run", run=run_id)
