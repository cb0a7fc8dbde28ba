"""One question of a verdict on its page: state, answer, picture, what it means, its tests, and where to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cu_core.analysis.verdict_reading import (
    answer_state,
    decisive_test,
    first_sentence,
    heading_of_test,
    meaning,
    question_title,
)
from cu_core.base.display_text import counted
from cu_core.catalogue.question_record import DIFFERS, QUESTIONS
from cu_core.figures.verdict_rows import row_of_test, verdict_alt, verdict_rows
from cu_core.runstore.reader import RunView
from pages._shared.chart_bar import show_chart
from pages._shared.plain_text import plain
from pages._shared.verdict_badge import BADGES, verdict_badge
from pages._verdict.claim_tests import tests_section
from pages._verdict.where_to_look import where_to_look


def is_open(claim: Mapping[str, Any]) -> bool:
    """Whether a question has something to look at: it differs. Where nobody can tell, one line says why.

    Args:
        claim: as `cu_core.analysis.verdict_reading.verdict_of` gives it.
    """
    return bool(claim["applies"]) and claim["state"] == DIFFERS


def open_claim(view: RunView, claim: Mapping[str, Any]) -> None:
    """Draws a question with everything about it, under a heading of its own.

    Args:
        view: the run.
        claim: as `cu_core.analysis.verdict_reading.verdict_of` gives it.
    """
    with st.container(border=True, key=f"claim_{claim['id']}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            verdict_badge(claim["state"])
            st.header(plain(question_title(claim)), anchor=False, width="content")
        st.markdown(f"**{plain(claim['sentence'])}**")
        if asked := _asked(claim):
            st.caption(plain(asked))
        _about(view, claim)


def folded_claims(view: RunView, claims: Sequence[Mapping[str, Any]]) -> None:
    """Draws questions in a line each that opens; one that does not exist for the run says why and no more.

    Args:
        view: the run.
        claims: as `cu_core.analysis.verdict_reading.verdict_of` gives them.
    """
    with st.container(gap="xsmall"):
        for claim in claims:
            _folded_claim(view, claim)


def _folded_claim(view: RunView, claim: Mapping[str, Any]) -> None:
    # What was found stands before what was asked: "Is it still the model before unlearning? No difference found" would
    # be read as a yes.
    named = ": ".join(filter(None, (question_title(claim), _asked(claim))))
    if not claim["applies"]:
        with st.container(border=True, key=f"claim_{claim['id']}", gap="xsmall"):
            st.markdown(f":gray-badge[– Does not apply] {plain(named)}")
            st.markdown(plain(claim["sentence"]))
        return
    found, state = first_sentence(claim), claim["state"]
    badge = f":{BADGES[state]}-badge[{answer_state(claim)}]"
    with (
        st.container(key=f"claim_{claim['id']}"),
        st.expander(f"{badge} **{plain(found)}** :gray[{plain(named)}]"),
    ):
        if found != claim["sentence"]:
            st.markdown(plain(claim["sentence"]))
        _about(view, claim)


def _asked(claim: Mapping[str, Any]) -> str:
    """The question of a claim; empty where a newer program has asked what this one does not know."""
    return QUESTIONS[claim["id"]].question if claim["id"] in QUESTIONS else ""


def _about(view: RunView, claim: Mapping[str, Any]) -> None:
    _picture(claim)
    for note in claim["notes"]:
        st.caption(plain(note))
    question = QUESTIONS.get(claim["id"])
    if question is not None:
        lead, said = meaning(claim, question)
        means, means_not = st.columns(2)
        means.caption(f"**{lead}** {said}")
        means_not.caption(f"**Careful.** {question.means_not}")
    tests_section(claim)
    where_to_look(view, claim, question)


def _picture(claim: Mapping[str, Any]) -> None:
    test = decisive_test(claim)
    row = row_of_test(test) if test is not None else None
    if test is None or row is None:
        return
    samples = f" · {counted(test['n'], 'sample')}" if test["n"] else ""
    st.caption(plain(f"{heading_of_test(test)}{samples}"))
    show_chart(verdict_rows([row]), key=f"verdict_{claim['id']}", alt=verdict_alt([row]))
