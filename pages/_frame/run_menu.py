"""What the head of a run's pages keeps behind buttons: its title, tags and notes to write, its id, and its deletion."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.annotations import (
    LONGEST_NOTES,
    LONGEST_TAG,
    LONGEST_TITLE,
    MOST_TAGS,
    Annotations,
    read_annotations,
)
from cu_core.runstore.reader import RunRow
from pages._frame import gate
from pages._frame.run_deletion import delete_run
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE


def write_about(row: RunRow, run_dir: Path) -> None:
    """A place to write title, tags and notes of a run; closed, with the reason, to those who may not."""
    verdict = gate.allowed("annotate", row.owner)
    # New keys each time something was stored: the place closes, and shows what is there now.
    turn = st.session_state.setdefault("about_turn", 0)
    key = f"{row.run_id}_{turn}"
    box = st.popover(
        "Edit",
        icon=":material/edit:",
        type="tertiary",
        key=f"about_{key}",
        disabled=not verdict,
        help=plain(verdict.reason) or "Title, tags and notes of this run",
    )
    if not verdict:
        return
    with box, st.form(f"about_form_{key}", border=False):
        title = st.text_input("Title", row.title, max_chars=LONGEST_TITLE, key=f"about_title_{key}")
        most = MOST_TAGS * (LONGEST_TAG + 2)
        tags = st.text_input(
            "Tags", ", ".join(row.tags), max_chars=most, key=f"about_tags_{key}", help="Words between commas"
        )
        notes = st.text_area("Notes", row.notes, max_chars=LONGEST_NOTES, height=110, key=f"about_notes_{key}")
        if not st.form_submit_button("Save", type="primary", key=f"about_save_{key}"):
            return
        # A title that was left as it is stays the run's own.
        kept = read_annotations(run_dir).title or title != row.title
        try:
            gate.desk().annotate(row.run_id, Annotations(title if kept else "", tuple(tags.split(",")), notes))
        except UnlearnscopeError as error:
            st.error(plain(error), icon=":material/error:")
            return
    st.session_state["about_turn"] = turn + 1
    st.rerun()


def run_menu(row: RunRow) -> None:
    """The id of a run, to copy, and its deletion."""
    with st.popover("More", icon=":material/more_vert:", type="tertiary", key=f"menu_{row.run_id}"):
        st.caption("Id of this run, for the command line and for Python")
        st.code(row.run_id, language=None)
        if row.state in ACTIVE:
            st.caption("A run at work can be deleted once it has ended or was cancelled.")
            return
        gate.button(
            "Delete",
            "delete",
            row.owner,
            icon=":material/delete:",
            key="delete",
            on_click=delete_run,
            args=(row.run_id, row.title),
            help="Moves the run to the bin; you can undo it.",
        )
