"""The run that the first start queues by itself, above the list while it works."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.jobs.demo import first_run
from cu_core.runstore.reader import RunRow
from pages._frame import gate
from pages._frame.notices import say
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home


def cancel_first_run(run_id: str) -> None:
    """Cancels the run that the first start queued."""
    try:
        gate.desk().cancel(run_id)
    except UnlearnscopeError as error:
        say(error)


def first_run_banner(rows: list[RunRow]) -> None:
    """Says that a first run was queued by itself, while it is at work; leads to it, or cancels it."""
    queued_by_itself = first_run(home())
    first = next((row for row in rows if row.run_id == queued_by_itself), None)
    if first and first.state in ACTIVE:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/waving_hand: **{plain(first.title)}** was queued by itself, because this is the first "
                "start. It trains a small model on handwritten digits and makes it forget the fives.",
                width="stretch",
            )
            if st.button("Watch it", key="watch_first", icon=":material/monitoring:"):
                st.switch_page("run.py", query_params={"run": first.run_id})
            gate.button(
                "Cancel it", "cancel", first.owner, key="cancel_first", icon=":material/cancel:",
                on_click=cancel_first_run, args=(first.run_id,),
            )  # fmt: skip
