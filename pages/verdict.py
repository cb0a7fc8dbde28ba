"""Whether a run's model can be told from retrained ones: every question with its answer, and what it rests on."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cu_core.analysis.verdict_reading import verdict_of, worst_first
from cu_core.base.display_text import counted
from cu_core.catalogue.question_record import CANNOT_TELL
from cu_core.figures.verdict_rows import row_of_test
from cu_core.runstore.reader import RunView
from pages._frame.one_run import show_run
from pages._frame.page_records import Page
from pages._run.verdict_head import for_statisticians, lacking, said_verdict, without_verdict
from pages._shared.downloads import table_downloads
from pages._shared.number_words import duration
from pages._terms.term_link import terms_row
from pages._verdict.claim_section import folded_claims, is_open, open_claim
from pages._verdict.claim_tests import frame_of_tests

PAGE = Page(
    id="verdict",
    title="Verdict",
    icon=":material/gavel:",
    help="Whether the model can be told from retrained ones: question by question, with what each answer rests on.",
    purpose="whether the model can be told from models that never saw the data: question by question, with the "
    "evidence, what each answer means and does not mean, and where to look",
    section="One run",
    order=2,
    needs="rounds",
)
LEGEND = (
    "▼ this model · △ the model before unlearning, or a planted difference: the control, which a question has to see · "
    "■ retrained models, each measured beside the others · shaded: where one more would lie in 19 of 20 cases · "
    "dotted: the smallest difference that would have been called one. The axis counts half widths of the shaded band, "
    "beyond 1 by powers of ten; an arrow at its end stands for more."
)
WORDS = (
    "Margin: how sure a model is of a sample's label, as log-odds log(p / (1 − p)): at 0 it is undecided, at 5 the "
    "label is 150 times as likely as not; of encoders, the cosine of two views of an image. AUC: how often a "
    "forgotten sample ranks above an unseen one, 0.5 by chance. p: how often one more retrained model would be as far "
    "off."
)


def sections(view: RunView) -> None:
    """The page's parts from top to bottom."""
    verdict = verdict_of(view.result())
    if verdict is None:
        lacking(without_verdict(view, view.row()), view.run_id)
        return
    said_verdict(verdict, view.run_id)
    for_statisticians(verdict)
    references = verdict["references"]
    took = f" It took {duration(verdict['seconds'])}." if verdict["seconds"] is not None else ""
    many = f"{references or 'no'} retrained model{'' if references == 1 else 's'}"
    st.caption(f"Compared with {many}.{took}")
    if any(row_of_test(test) for claim in verdict["claims"] for test in claim["tests"]):
        with st.expander("How to read the pictures", icon=":material/legend_toggle:", type="compact"):
            st.caption(LEGEND)
            st.caption(WORDS)
        terms_row("verdict-state", "leave-one-out", "positive-control", "calibrated", "equivalence")
    claims = worst_first(verdict["claims"])
    for claim in filter(is_open, claims):
        open_claim(view, claim)
    folded = [claim for claim in claims if not is_open(claim)]
    unanswered = [claim for claim in folded if claim["applies"] and claim["state"] == CANNOT_TELL]
    if unanswered:
        st.header(f"{counted(len(unanswered), 'question')} without an answer", anchor=False)
        folded_claims(view, unanswered)
    others = [claim for claim in folded if claim not in unanswered]
    if clear := sum(claim["applies"] for claim in others):
        st.header(f"{counted(clear, 'question')} without a difference", anchor=False)
    folded_claims(view, others)
    with st.container(horizontal=True):
        table_downloads(partial(frame_of_tests, verdict), f"verdict-{view.run_id}", "verdict")


show_run(PAGE, sections)
