"""What is the same on every page about the recorded rounds of one run: how far it is, and what is said below."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cu_core.base.display_text import counted
from cu_core.runstore.reader import RunView
from pages._frame.one_run import head, redraw
from pages._frame.page_records import Page
from pages._shared.recorded_rounds import probe_of
from pages._shared.run_states import ACTIVE


def show_rounds(page: Page, sections: Callable[[RunView, list[int]], None]) -> None:
    """Draws a page about the rounds of the picked run.

    Args:
        page: that is drawn.
        sections: draws its parts from top to bottom, given the run and its rounds, ascending, beginning with 0.
    """
    picked = head(page)
    was_active = picked.state in ACTIVE

    def body(view: RunView) -> None:
        rounds = view.rounds()
        if 0 not in rounds:
            st.error("Round 0 of this run is missing or damaged, so there is no before.", icon=":material/error:")
            return
        # What comes and goes has a place of its own: a component below that changes its place is mounted anew.
        with st.container(gap=None):
            if was_active:
                live_line(view, rounds)
        sections(view, rounds)

    redraw(picked, body)


def live_line(view: RunView, rounds: list[int]) -> None:
    """Says of an active run how far it is."""
    st.caption(f"Rounds 0 to {rounds[-1]} so far; new rounds appear by themselves.")


def footnotes(view: RunView, seed: int | None) -> list[str]:
    """What a reader of a page's pictures should know: samples left out, and that there is no reference.

    Args:
        view: the run.
        seed: of the shown reference; None where there is none.
    """
    notes = []
    if left_out := int(probe_of(view)["rule"].sum()):
        verb = "is" if left_out == 1 else "are"
        several = counted(left_out, "recorded sample")
        notes.append(f"{several} that the stopping rule looks at {verb} left out, as in all metrics.")
    if seed is None:
        notes.append(no_reference(view, "what to aim at"))
    return notes


def no_reference(view: RunView, purpose: str) -> str:
    """Why there is no reference to show, as a sentence.

    Args:
        view: the run.
        purpose: what one would show.
    """
    if not view.spec.references:
        return f"No reference was retrained for this run; clone it and ask for one to see {purpose}."
    if view.state in ACTIVE:
        return f"The reference comes last; it will show {purpose}."
    return f"A reference was asked for, but there is none that can be shown, so that nothing tells {purpose}."
