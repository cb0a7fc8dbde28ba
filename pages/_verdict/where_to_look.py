"""Links from an answer of a verdict to the pages that show more, with the samples or the attack that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from cu_core.analysis.standing_out import can_stand_out, standing_out
from cu_core.base.display_text import counted
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.catalogue.question_record import DIFFERS, Question
from cu_core.runstore.reader import RunView
from pages._frame.page_links import link_to
from pages._frame.page_records import pages
from pages._selection.selection_state import pick
from pages._shared.recorded_rounds import probe_of

SOURCE = "Verdict"
MOST_CHOSEN = 20
BY_MARGIN = "loss"
"""The attack that reads what a margin reads."""


def where_to_look(view: RunView, claim: Mapping[str, Any], question: Question | None) -> None:
    """Draws the links of a claim.

    Args:
        view: the run.
        claim: of its verdict.
        question: its record; None for one that this program does not know.
    """
    if question is None or question.look not in pages():
        return
    page = pages()[question.look]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if question.look == "attack":
            attack = attack_of(view, claim)
            # The page writes into its address what its list of attacks shows, and reads it back from there.
            named = ATTACKS[attack].title if attack in ATTACKS else attack
            title = f"{page.title}: {named}" if named else page.title
            link_to("attack", title, run=view.run_id, **({"attack": named} if named else {}))
        else:
            link_to(page.id, run=view.run_id)
        if question.about_forgetting and can_stand_out(view):
            _samples(view, claim)


def attack_of(view: RunView, claim: Mapping[str, Any]) -> str:
    """The attack of a run that shows what a claim is about: the one that it names, else the one that reads the loss.

    Empty where the run has made none.
    """
    made = (view.result() or {}).get("attacks") or {}
    tests = sorted(claim["tests"], key=lambda test: not test["decisive"])
    return next((name for name in (*(str(test["id"]) for test in tests), BY_MARGIN) if name in made), "")


def side_of(claim: Mapping[str, Any]) -> str:
    """In which direction forget samples stand out, as `standing_out` takes it."""
    value, low, high = claim["statistic"], claim["null_low"], claim["null_high"]
    if claim["id"] != "remembers" or claim["state"] != DIFFERS or None in (value, low, high):
        return "both"
    return "high" if value > high else "low" if value < low else "both"


def _samples(view: RunView, claim: Mapping[str, Any]) -> None:
    there = int((probe_of(view)["group"] == "forget").sum())
    count, side = min(MOST_CHOSEN, there), side_of(claim)
    kind = {"high": "known best", "low": "known worst"}.get(side, "farthest off")
    page = pages()["drift"]
    if there and st.button(
        f"{page.title}: {counted(count, 'forget sample')} {kind}",
        key=f"samples_{claim['id']}",
        icon=page.icon,
        type="tertiary",
        help="Chooses the recorded forget samples whose log-odds (of encoders whose loss) are farthest from the "
        "retrained models' mean.",
    ):
        pick(view.run_id, standing_out(view, count, side), SOURCE)
        st.switch_page(page.file, query_params={"run": view.run_id})
