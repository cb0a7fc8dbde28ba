"""How the samples of one run move: exact axes first, one map for all rounds, and what each picture is worth."""

from __future__ import annotations

import streamlit as st

from cu_core.runstore.reader import RunView
from pages._drift.drift_motion import events, full_space
from pages._drift.drift_picture import measured, picture, what_to_show
from pages._drift.drift_tsne import tsne_outputs
from pages._drift.drift_views import choose, offer_refit
from pages._frame.page_records import Page
from pages._frame.rounds_of_run import no_reference, show_rounds
from pages._selection.selection_charts import linked_charts
from pages._selection.selection_panel import selection_panel
from pages._shared.recorded_rounds import wanted_round
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
    """The page's parts from top to bottom."""
    name, shown = what_to_show(view, rounds)
    with st.container(key="view_options"):
        chosen = choose(name, shown)
    state = picture(chosen, shown)
    number = state.round if state.round in rounds else wanted_round(rounds)
    chosen.strip(number)
    terms_row("fidelity", "trustworthiness", "continuity", "jitter", "procrustes")
    offer_refit(chosen)
    measured(chosen, shown, state, number)
    if name == "other":
        tsne_outputs(view)
    if shown.seed is None:
        st.caption(no_reference(view, "where the samples would lie"))
    st.subheader("Choose samples", anchor=False)
    selection_panel(view, rounds, number)
    linked_charts(view, rounds, number, shown.seed)
    full_space(view, rounds)
    events(view, rounds, number)


show_rounds(PAGE, sections)
