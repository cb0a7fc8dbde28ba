"""Deleting a run, and bringing it back at once."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from pages._frame import gate
from pages._frame.notices import say
from pages._shared.plain_text import plain


def delete_run(run_id: str, title: str) -> None:
    """Callback: moves a run to the bin, leads to the list, and lets `offer_undo` bring it back."""
    try:
        gate.desk().delete(run_id)
    except UnlearnscopeError as error:
        say(error)
        return
    st.session_state["deleted_run"] = (run_id, title)
    st.session_state.pop("last_run", None)
    st.query_params.pop("run", None)
    st.session_state["to_runs"] = True


def offer_undo() -> None:
    """Offers to bring back the run that was deleted last in this session."""
    deleted = st.session_state.get("deleted_run")
    if deleted is None:
        return
    run_id, title = deleted
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/delete: **{plain(title)}** was moved to the bin.", width="stretch")
        if st.button("Undo", icon=":material/undo:", key="undo_delete"):
            st.session_state.pop("deleted_run")
            try:
                gate.desk().restore(run_id)
            except UnlearnscopeError as error:
                st.error(plain(error), icon=":material/error:")
            else:
                st.switch_page("run.py", query_params={"run": run_id})
        if st.button("Dismiss", key="dismiss_delete", type="tertiary"):
            st.session_state.pop("deleted_run")
            st.rerun()
