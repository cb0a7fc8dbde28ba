"""How the samples of one run move: exact axes first, one map for all rounds, and what each picture is worth."""

from __future__ import annotations

import streamlit as st

from cu_core.runstore.reader import RunView
from pages._drift.drift_picture import measured, picture, what_to_show
from pages._drift.drift_tabs import parts_below
from pages._drift.drift_views import choose, offer_refit
from pages._frame.page_records import Page
from pages._frame.rounds_of_run import no_reference, show_rounds
from pages._selection.selection_panel import selection_panel
from pages._selection.selection_state import keep_in_address
from pages._shared.recorded_rounds import keep_round, wanted_round
from pages._terms.term_link import terms_row

PAGE = Page(
    id="drift",
    title="Drift",
    icon=":material/scatter_plot:",
    help="How the samples move in the embedding, before and after and round by round.",
    purpose="how samples move, round by round: exact distances to the decision boundary first, then one map for all "
    "rounds with what it is worth; select samples and follow them everywhere",
    section="One run",
    order=3,
    needs="rounds",
)


def sections(view: RunView, rounds: list[int]) -> None:
    """The page's parts from top to bottom: the picture first, and below it one part at a time."""
    keep_in_address(view)
    number = wanted_round(rounds)
    keep_round(rounds, number)
    name, shown, controls = what_to_show(view, rounds)
    # How far a picture is that is not there yet is said below the one that stands in for it.
    place, below = st.container(), st.container()
    with below:
        chosen = choose(name, shown, controls.row, controls.more)
    with place:
        state = picture(chosen, shown)
    with below:
        measured(chosen, shown, state)
        chosen.strip(number)
        terms_row("fidelity", "trustworthiness", "continuity", "jitter", "procrustes")
        offer_refit(chosen)
        if shown.seed is None:
            st.caption(no_reference(view, "where the samples would lie"))
    selection_panel(view, rounds, number)
    parts_below(name, chosen, shown, number, state.carried)


show_rounds(PAGE, sections)
