"""The bin: deleted runs, to bring back or to remove for good."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from cu_core.base.display_text import counted
from cu_core.base.errors import UnlearnscopeError
from cu_core.jobs import submission
from pages._frame import gate
from pages._shared.plain_text import plain
from pages._shared.server_home import home


def show_bin() -> None:
    """Deleted runs, to bring back or to remove for good."""
    binned = submission.binned(home())
    if not binned:
        st.caption("The bin is empty. Deleted runs stay here until you empty it.")
        return
    for row in binned:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(row.title)}** · `{row.run_id}`", width="stretch")
            pressed = gate.button("Restore", "restore", row.owner, key=f"restore_{row.run_id}", icon=":material/undo:")
            if pressed:
                attempt(partial(gate.desk().restore, row.run_id))
    erasable = gate.desk().erasable()
    if not erasable:
        st.caption(":material/lock: Nothing here is yours to remove for good.")
        return
    with st.popover("Empty the bin", icon=":material/delete_forever:"):
        whose = "" if len(erasable) == len(binned) else " of yours"
        st.write(f"This removes {counted(len(erasable), 'run')}{whose} for good; there is no undo.")
        if st.button("Remove them for good", type="primary", key="empty_bin"):
            attempt(lambda: gate.desk().erase(erasable))


def attempt(action: Callable[[], object]) -> None:
    """Does something and draws the page again; says in words why it could not be done."""
    try:
        action()
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.rerun()
