"""One question of a verdict on its page: state, answer, picture, what it means, its tests, and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from cu_core.analysis.verdict_reading import decisive_test, heading_of_test, question_title
from cu_core.base.display_text import counted
from cu_core.catalogue.question_record import QUESTIONS
from cu_core.figures.theme import ink
from cu_core.figures.verdict_rows import row_of_test, verdict_alt, verdict_rows
from cu_core.runstore.reader import RunView
from pages._shared.chart_bar import bar, ground
from pages._shared.plain_text import plain
from pages._shared.verdict_badge import verdict_badge
from pages._verdict.claim_tests import tests_section
from pages._verdict.where_to_look import where_to_look


def claim_section(view: RunView, claim: Mapping[str, Any]) -> None:
    """Draws a question; one that does not exist for the run says why and no more.

    Args:
        view: the run.
        claim: as `cu_core.analysis.verdict_reading.verdict_of` gives it.
    """
    question = QUESTIONS.get(claim["id"])
    asked = question.question if question else ""
    with st.container(border=True, key=f"claim_{claim['id']}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if claim["applies"]:
                verdict_badge(claim["state"])
            else:
                st.badge("– Does not apply", color="gray")
            st.markdown(f"**{plain(question_title(claim))}** · {plain(asked)}", width="content")
        st.markdown(plain(claim["sentence"]))
        if not claim["applies"]:
            return
        _picture(claim)
        for note in claim["notes"]:
            st.caption(plain(note))
        if question is not None:
            means, means_not = st.columns(2)
            means.caption(f"**What it means.** {question.means}")
            means_not.caption(f"**What it does not mean.** {question.means_not}")
        tests_section(claim)
        where_to_look(view, claim, question)


def _picture(claim: Mapping[str, Any]) -> None:
    test = decisive_test(claim)
    row = row_of_test(test) if test is not None else None
    if test is None or row is None:
        return
    samples = f" · {counted(test['n'], 'sample')}" if test["n"] else ""
    st.caption(plain(f"{heading_of_test(test)}{samples}"))
    st.plotly_chart(
        ink(verdict_rows([row]), ground()),
        key=f"verdict_{claim['id']}",
        alt=verdict_alt([row]),
        config=bar() | {"displayModeBar": "hover"},
    )
