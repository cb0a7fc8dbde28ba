"""What the attacks of a run reach, with intervals: all of them, then one in all its ways."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.catalogue.attack_record import ATTACKS, MODELS, NUMBERS, WAYS
from cu_core.figures.attack_overview import all_numbers, attack_title, gap_words, overview, overview_alt, series_title
from pages._shared.chart_bar import bar
from pages._shared.downloads import table_downloads
from pages._shared.plain_text import plain
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


def numbers_table(attacks: dict[str, Any], attack: str) -> pd.DataFrame:
    """All numbers of an attack, one row per model and way."""
    rows = []
    for model in MODELS:
        for way in ORDER:
            if found := attacks[attack].get(model, {}).get(way):
                values = {
                    NUMBERS[n].title + ("" if n == "auc" else ", %"): interval_text(found.get(n), n) for n in NUMBERS
                }
                rows.append({"Model and way": series_title(model, way)} | values)
    return pd.DataFrame(rows).rename(columns={"TPR at 1 % FPR, %": "TPR at 1 % FPR"})


def overview_section(attacks: dict[str, Any]) -> None:
    """Every attack with its intervals."""
    terms_row("membership-attack", "refitted", "transferred", "shadow", "auc")
    number = st.segmented_control(
        "Measure of success",
        OVERVIEW,
        format_func=lambda key: NUMBERS[key].title,
        default="accuracy",
        required=True,
        key="number",
        bind="query-params",
    )
    st.plotly_chart(overview(attacks, number), key="overview", alt=overview_alt(attacks, number), config=bar())
    st.caption(
        f"{NUMBERS[number].summary} Lines are 95 % bootstrap intervals. What to aim at is the reference, or chance "
        "where there is none: far below it, a sample stands out as well."
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


def numbers_section(attacks: dict[str, Any], attack: str) -> None:
    """Transferred and re-fitted numbers side by side, and what their gap says."""
    st.dataframe(
        shown_table(numbers_table(attacks, attack)),
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
