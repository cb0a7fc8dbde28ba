"""The run that the first start queues by itself, followed live while it is at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def first_run_banner(rows: Sequence[RunRow], progress: Callable[[RunRow], None]) -> None:
    """Says that a first run was queued by itself and how far it is, while it is at work; leads to it, or cancels it.

    Args:
        rows: all runs.
        progress: draws how far an active run is.
    """
    queued_by_itself = first_run(home())
    first = next((row for row in rows if row.run_id == queued_by_itself), None)
    if first is None or first.state not in ACTIVE:
        return
    with st.container(border=True, key="first_run"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/waving_hand: **{plain(first.title)}** was queued by itself, because this is the first "
                "start. It trains a small network on handwritten digits and makes it forget the fives.",
                width="stretch",
            )
            if st.button("Watch it", key="watch_first", icon=":material/monitoring:"):
                st.switch_page("run.py", query_params={"run": first.run_id})
            gate.button(
                "Cancel it", "cancel", first.owner, key="cancel_first", icon=":material/cancel:",
                on_click=cancel_first_run, args=(first.run_id,),
            )  # fmt: skip
        progress(first)
