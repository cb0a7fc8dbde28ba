"""Top-1 probability, two-view cosine and loss of every sample in one space: before, any round and reference."""

from __future__ import annotations

import streamlit as st

from cu_core.figures.theme import join
from cu_core.runstore.reader import RunView
from pages._frame.page_records import Page
from pages._frame.rounds_of_run import footnotes, show_rounds
from pages._selection.selection_state import selection_bar
from pages._shared.recorded_rounds import pick_reference
from pages._signals.board_data import recorded_rounds, top3_name
from pages._signals.board_section import board

PAGE = Page(
    id="signals",
    title="Signal space",
    icon=":material/view_in_ar:",
    help="Probability, similarity and loss of every sample in one space, before and after side by side.",
    purpose="every sample by top-1 probability, loss and two-view cosine, before and after side by side, in 2-D or 3-D",
    section="One run",
    order=6,
    needs="rounds",
)


def sections(view: RunView, rounds: list[int]) -> None:
    """The page's parts from top to bottom."""
    focus = selection_bar(view)
    seed = pick_reference(view)
    with_cosine = recorded_rounds(view, rounds, "two_view_cosine")
    if not with_cosine:
        st.info(
            "No round that can be shown has the cosine of two views, so only the highest probabilities are drawn.",
            icon=":material/info:",
        )
    shown = recorded_rounds(view, with_cosine or rounds, top3_name(view))
    if not shown:
        st.info("The highest probabilities were recorded in no round that can be shown.", icon=":material/info:")
        return
    if len(shown) < len(rounds):
        st.caption(f"Two views of each sample were recorded in rounds {join([str(k) for k in shown])} only.")
    board(view, shown, seed, bool(with_cosine), focus)
    notes = footnotes(view, seed)
    notes.append("After figure 6 of Wang and Chen, Machine Unlearning in Contrastive Learning.")
    st.caption(" ".join(notes))


show_rounds(PAGE, sections)
