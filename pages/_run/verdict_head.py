"""The verdict at the head of the Run page: its state, what it says, and the way to its own page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cu_core.analysis.verdict_reading import (
    NoVerdict,
    answer_state,
    few_references,
    question_title,
    verdict_of,
    why_no_verdict,
    worst_first,
)
from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.reader import RunRow, RunView
from pages._frame.page_links import link_to
from pages._shared.plain_text import plain
from pages._shared.verdict_badge import BADGES, verdict_badge


def verdict_head(view: RunView, row: RunRow) -> None:
    """The verdict of a run, or why it has none and what to do.

    Args:
        view: the run.
        row: what lists say of it.
    """
    verdict = verdict_of(view.result())
    if verdict is None:
        lacking(without_verdict(view, row), view.run_id)
        return
    with st.container(border=True, key="verdict_head", gap="xsmall"):
        said_verdict(verdict, view.run_id, lead=True)
        asked = [claim for claim in worst_first(verdict["claims"]) if claim["applies"]]
        for words in dict.fromkeys(map(answer_state, asked)):
            alike = [claim for claim in asked if answer_state(claim) == words]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(words, color=BADGES[alike[0]["state"]])  # type: ignore[arg-type]
                st.markdown(plain(" · ".join(map(question_title, alike))), width="content")
        for_statisticians(verdict)


def said_verdict(verdict: dict[str, Any], run_id: str, *, lead: bool = False) -> None:
    """State and sentence of a verdict, and what to do about one that lacks references.

    Args:
        verdict: as the result holds it.
        run_id: of the run.
        lead: whether a link leads to the verdict's own page.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Verdict**", width="content")
        verdict_badge(verdict["state"])
        if lead:
            st.space("stretch")
            link_to("verdict", "Question by question", run=run_id)
    st.markdown(plain(verdict["sentence"]))
    if few := few_references(verdict):
        what_to_do(few, run_id)


def for_statisticians(verdict: dict[str, Any]) -> None:
    """How the verdict was reached, folded away."""
    with st.expander("For statisticians", icon=":material/functions:"):
        st.markdown(plain(verdict["statistician"]))


def without_verdict(view: RunView, row: RunRow) -> NoVerdict:
    """Why a run has no verdict, and what to do."""
    try:
        audit, references = view.spec.audit, view.spec.references
        wanted, deep = audit.verdict, audit.shadows > 0
    except UnlearnscopeError:
        references, wanted, deep = 0, True, False
    return why_no_verdict(view.run_id, view.state, references, wanted=wanted, demo=row.demo, deep=deep)


def lacking(why: NoVerdict, run_id: str) -> None:
    """Says why there is no verdict, and what to do."""
    with st.container(key="no_verdict", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption(f":material/gavel: {plain(why.reason)} {plain(why.what)}", width="content")
        if why.what and why.clone:
            link_to("launch", "Clone this run", clone=run_id)


def what_to_do(why: NoVerdict, run_id: str) -> None:
    """What to do about a missing verdict, with the link that does it where there is one."""
    if not why.what:
        return
    st.caption(plain(why.what))
    if why.clone:
        link_to("launch", "Clone this run", clone=run_id)
