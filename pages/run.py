"""One run: verdict, progress while it works, curves, before and after beside the reference, and what to do with it."""

from __future__ import annotations

import json

import streamlit as st

from cu_core.base.display_text import visible
from cu_core.runstore.reader import RunView
from pages._frame.one_run import head, redraw
from pages._frame.page_records import Page
from pages._run.deep_audit_section import deep_audit
from pages._run.erasure_section import erasure_section
from pages._run.nearness_section import nearness
from pages._run.run_actions import actions
from pages._run.run_progress import run_state
from pages._run.run_results import results
from pages._run.run_takeout import takeout
from pages._run.verdict_head import verdict_head
from pages._shared.plain_text import plain

PAGE = Page(
    id="run",
    title="Run",
    icon=":material/monitoring:",
    help="One run: verdict, live progress, curves over rounds, before and after beside the retrained reference.",
    purpose="one run: its verdict, live progress, curves over rounds, before and after beside the reference, log, "
    "cancel, resume",
    section="One run",
    order=1,
    needs="a run",
)
LOG_BYTES = 20_000


def details(view: RunView) -> None:
    """Everything the run was asked to do."""
    spec = view.spec
    st.json(visible(json.dumps(spec.to_json(), ensure_ascii=False)), expanded=1)
    weights = (view.result() or {}).get("weights_sha256")
    told = f" · weights {plain(weights[:12])}" if isinstance(weights, str) and weights else ""
    st.caption(f"Specification {spec.content_hash()[:12]}{told}")


view = head(PAGE, undo=True, actions=actions)
row = view.row()
redraw(view, run_state)
verdict_head(view, row)
results(view)
nearness(view)
deep_audit(view, row)

takeout_box = st.expander("Take it out", icon=":material/output:", key="takeout_box", on_change="rerun")
if takeout_box.open:
    with takeout_box:
        takeout(view)
record_box = st.expander("Erasure record", icon=":material/contract:", key="record_box", on_change="rerun")
if record_box.open:
    with record_box:
        erasure_section(view)
log_box = st.expander("Log", icon=":material/terminal:", key="log_box", on_change="rerun")
if log_box.open:
    with log_box:
        text = view.log(LOG_BYTES)
        st.code(visible(text) or "The worker has written nothing yet.", language=None, height=320, wrap_lines=True)
details_box = st.expander("Settings", icon=":material/tune:", key="details_box", on_change="rerun")
if details_box.open:
    with details_box:
        details(view)
