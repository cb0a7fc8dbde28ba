"""Taking an exported run in, by upload."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from pages._frame import gate
from pages._shared.plain_text import plain


def import_runs() -> None:
    """A menu with a place for the zip file of an exported run; a note says what came of it."""
    verdict = gate.allowed("upload")
    # New keys each time: the menu closes, and what was taken in is not taken in again.
    turn = st.session_state.setdefault("import_turn", 0)
    with st.popover("Import", icon=":material/input:", key=f"import_box_{turn}", disabled=not verdict,
                    help=plain(verdict.reason) or "Takes in a run that was exported elsewhere."):  # fmt: skip
        file = st.file_uploader("A run as export writes it", type=["zip"], key=f"import_file_{turn}")
        if file is not None and st.button("Take it in", key="import_go", type="primary", icon=":material/input:"):
            try:
                with st.spinner("Unpacking and checking"):
                    found = gate.desk().import_run(file, file.name)
            except UnlearnscopeError as error:
                st.error(plain(error), icon=":material/error:")
                return
            st.session_state["import_turn"] = turn + 1
            st.session_state["imported"] = (found.run_id, " ".join(f"{plain(note)}." for note in found.notes))
            st.rerun()


def tell_import() -> None:
    """The run that was taken in last, until the next drawing."""
    if told := st.session_state.pop("imported", None):
        run_id, notes = told
        st.success(f"{run_id} was taken in. {notes}".strip(), icon=":material/input:")
