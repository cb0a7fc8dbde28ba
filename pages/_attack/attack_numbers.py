"""What the attacks of a run reach, with intervals: all of them, then one in all its ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from cu_core.analysis.verdict_reading import finding_of
from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.catalogue.attack_record import ATTACKS, MODELS, NUMBERS, WAYS
from cu_core.catalogue.question_record import CANNOT_TELL
from cu_core.figures.attack_answer import answer_words, attack_title
from cu_core.figures.attack_overview import (
    all_numbers,
    calm_series,
    gap_words,
    overview,
    overview_alt,
    series_title,
    uncertain_words,
)
from cu_core.metrics.roc import LOW_FPR
from pages._shared.chart_bar import show_chart
from pages._shared.downloads import table_downloads
from pages._shared.plain_text import plain
from pages._shared.verdict_badge import verdict_badge
from pages._terms.term_link import terms_row

OVERVIEW = ("accuracy", "auc", "tpr_at_1_fpr")
# The paper's way first, then what it leaves out.
ORDER = ("transferred", "refitted", "shadow")


def interval_text(values: Any, number: str) -> str:
    """A number with its 95 % interval; a dash where there is none."""
    if not values or values[0] is None:
        return "–"
    scale, form = (1, ".2f") if number == "auc" else (100, ".1f")
    shown = [None if v is None else format(scale * v, form) for v in values]
    return f"{shown[0]} ({shown[1]} to {shown[2]})" if None not in shown else str(shown[0])


def answer_section(attacks: dict[str, Any], members: int, others: int) -> None:
    """The answer of all attacks together, before any chart."""
    short, behind = answer_words(attacks)
    if not short:
        return
    st.header("Is it gone?", anchor=False)
    st.markdown(f"**{plain(short)}**")
    st.caption(
        f"{plain(behind)} Measured on {counted(members, 'forget sample')} (members) against {others:,} unseen ones of "
        "the same class mix (non-members), 95 % bootstrap intervals. That no attack succeeds proves nothing: the "
        "Verdict weighs more than attacks."
    )


def beside_the_verdict(verdict: Mapping[str, Any] | None) -> None:
    """What the verdict's own attacks say, which need not agree; nothing where it asked none.

    Args:
        verdict: as `cu_core.analysis.verdict_reading.verdict_of` gives it.
    """
    claim = next((c for c in (verdict or {}).get("claims", ()) if c["id"] == "attack" and c["applies"]), None)
    if claim is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="attack_of_verdict"):
        st.markdown("The verdict tries attacks of its own, some of which know the retrained models:", width="content")
        verdict_badge(claim["state"])
        if claim["state"] != CANNOT_TELL:
            st.markdown(plain(finding_of(claim)), width="content")


def numbers_table(attacks: dict[str, Any], attack: str, others: int) -> pd.DataFrame:
    """All numbers of an attack, one row per model and way; rates finer than one non-member are called coarse."""
    rows = []
    for model in MODELS:
        for way in ORDER:
            if found := attacks[attack].get(model, {}).get(way):
                values = {
                    NUMBERS[n].title + ("" if n == "auc" else ", %"): interval_text(found.get(n), n) for n in NUMBERS
                }
                rows.append({"Model and way": series_title(model, way)} | values)
    coarse = " (coarse)" if 1 / max(others, 1) > LOW_FPR else ""
    return pd.DataFrame(rows).rename(columns={"TPR at 1 % FPR, %": f"TPR at 1 % FPR{coarse}"})


def overview_section(attacks: dict[str, Any], others: int) -> None:
    """Every attack with its intervals: first the model after unlearning beside its reference, all on demand."""
    terms_row("membership-attack", "refitted", "transferred", "shadow", "auc")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.segmented_control(
            "Measure",
            OVERVIEW,
            format_func=lambda key: NUMBERS[key].title,
            default="auc",
            required=True,
            key="number",
            bind="query-params",
        )
        whole = st.toggle("All models and ways of fitting", key="all_series", bind="query-params")
    series = None if whole else calm_series(attacks)
    figure = overview(attacks, number, series=series, others=others)
    show_chart(figure, key="overview", alt=overview_alt(attacks, number, series=series))
    st.caption(
        f"{NUMBERS[number].summary} Lines are 95 % bootstrap intervals. What to aim at is the reference, or chance "
        "where there is none: far below it, a sample stands out as well. "
        + plain(uncertain_words(attacks, number, series=series, others=others))
    )
    with st.container(horizontal=True):
        table_downloads(all_numbers(attacks), "attacks", "attacks")


def pick_attack(attacks: dict[str, Any]) -> tuple[str, str]:
    """The attack and the way to look at."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        attack = st.selectbox(
            "Attack", list(attacks), format_func=attack_title, key="attack", bind="query-params", width=280
        )
        ways = [way for way in WAYS if any(way in models.get("after", {}) for models in attacks.values())]
        ways = sorted(ways, key=ORDER.index)
        way = st.segmented_control(
            "Fitted on",
            ways,
            format_func=lambda key: WAYS[key].title,
            default=ways[0],
            required=True,
            key="way",
            bind="query-params",
        )
    if attack in ATTACKS:
        st.caption(f"{ATTACKS[attack].summary} {ATTACKS[attack].paper}. {WAYS[way].title}: {WAYS[way].summary}")
    return attack, way


def numbers_section(attacks: dict[str, Any], attack: str, others: int) -> None:
    """Transferred and re-fitted numbers side by side, and what their gap says."""
    st.dataframe(
        shown_table(numbers_table(attacks, attack, others)),
        hide_index=True,
        placeholder="–",
        alt=f"Numbers of {attack_title(attack)} by model and way",
    )
    st.info(gap_words(attacks, attack), icon=":material/compare_arrows:")
    reasons = {
        f"{series_title(model, way)}: {found['reason']}"
        for model, ways in attacks[attack].items()
        for way, found in ways.items()
        if found.get("reason")
    }
    for reason in sorted(reasons):
        st.caption(f":material/block: {plain(reason)}")
