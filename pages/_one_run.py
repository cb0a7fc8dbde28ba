"""The frame of every page about the recorded rounds of one run: picker, live redrawing, and what is said around."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.reader import RunView, open_run
from pages._common import ACTIVE, home, pick_run, probe_of, state_badge
from pages._text import plain

REFRESH_SECONDS = 2.0


def show_run(title: str, sections: Callable[[RunView, bool], None]) -> None:
    """Draws a page about the picked run; again by itself while the run is active.

    Args:
        title: of the page.
        sections: draws the page's parts from top to bottom, given the run and whether it was active when picked.
    """

    def body(run_id: str, was_active: bool) -> None:
        try:
            view = open_run(home(), run_id)
            if was_active and view.state not in ACTIVE:
                st.rerun()
            sections(view, was_active)
        except UnlearnscopeError as error:
            st.error(plain(error), icon=":material/error:")

    st.title(title, anchor=False)
    view = pick_run()
    is_active = view.state in ACTIVE
    st.fragment(run_every=REFRESH_SECONDS if is_active else None)(body)(view.run_id, is_active)


def live_line(view: RunView, rounds: list[int]) -> None:
    """Says of an active run how far it is."""
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(view.state)
        st.caption(f"Rounds 0 to {rounds[-1]} so far; new rounds appear by themselves.")


def footnotes(view: RunView, seed: int | None) -> list[str]:
    """What a reader of a page's pictures should know: samples left out, and that there is no reference.

    Args:
        view: the run.
        seed: of the shown reference; None where there is none.
    """
    notes = []
    if left_out := int(probe_of(view, view.run_id)["rule"].sum()):
        notes.append(f"{left_out:,} recorded samples that the stopping rule looks at are left out, as in all metrics.")
    if seed is None:
        notes.append("No reference was retrained for this run; clone it and ask for one to see what to aim at.")
    return notes
