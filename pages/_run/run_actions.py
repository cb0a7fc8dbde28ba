"""What can be done with a run: cancel it, resume it, clone it."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.reader import RunRow
from pages._frame import gate
from pages._frame.notices import say
from pages._shared.run_states import ACTIVE


def act(action: str, run_id: str) -> None:
    """Callback of an action button: cancel or resume."""
    desk = gate.desk()
    try:
        (desk.cancel if action == "cancel" else desk.resume)(run_id)
    except UnlearnscopeError as error:
        say(error)


def actions(row: RunRow) -> None:
    """What can be done with the run in its present state."""
    run_id = row.run_id
    if row.state in ACTIVE:
        gate.button(
            "Cancel", "cancel", row.owner, icon=":material/cancel:", key="cancel", on_click=act,
            args=("cancel", run_id),
        )  # fmt: skip
    elif row.state in ("failed", "cancelled", "lost"):
        gate.button(
            "Resume",
            "resume",
            row.owner,
            icon=":material/resume:",
            key="resume",
            type="primary",
            on_click=act,
            args=("resume", run_id),
            help="Goes on after the last complete round.",
        )
    clone_help = "Fills the launch form with this run."
    if gate.button("Clone", "launch", icon=":material/content_copy:", key="clone", help=clone_help):
        st.switch_page("launch.py", query_params={"clone": run_id})
