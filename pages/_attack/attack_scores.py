"""The scores of one attack: their distributions with a threshold, and the ROC curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.catalogue.attack_record import ATTACKS, MODELS, score_array
from cu_core.figures.attack_overview import SERIES
from cu_core.figures.attack_scores import (
    Scored,
    judge,
    roc_alt,
    roc_figure,
    roc_words,
    score_bins,
    score_panes,
    scores_alt,
)
from cu_core.figures.selection_marks import mark_scores
from cu_core.runstore.reader import RunView
from pages._shared.chart_bar import show_chart
from pages._shared.downloads import table_downloads
from pages._shared.window_watch import is_narrow

AXES = {"log": "Logarithmic", "linear": "Linear"}


def scored(view: RunView, attacks: dict[str, Any], attack: str, model: str, way: str) -> Scored | None:
    """The stored scores of an attack; None where it was not made in this way."""
    found = attacks[attack].get(model, {}).get(way)
    name = score_array(attack, model, way)
    if not found or name not in view.audit()["arrays"]:  # type: ignore[index]
        return None
    score, member = np.asarray(view.audit_array(name)), np.asarray(view.audit_array("member"))
    return Scored(model, way, score, member, found.get("threshold"))


def way_on(model: str, way: str) -> str:
    """The way in which a model is shown where `way` is chosen: before unlearning there is nothing to transfer to."""
    return "refitted" if model == "before" and way == "transferred" else way


def pick_threshold(panes: list[Scored], edges: np.ndarray, name: str) -> float:
    """The slider; it starts at the threshold fitted for the model after unlearning."""
    fitted = next((p.threshold for p in reversed(panes) if p.model == "after" and p.threshold is not None), None)
    start = float(np.median(np.concatenate([p.score for p in panes]))) if fitted is None else fitted
    low, high = float(edges[0]), float(edges[-1])
    return st.slider(
        "Threshold: judged a member is what scores at least",
        low,
        high,
        min(max(start, low), high),
        step=(high - low) / 400,
        format="%.3g",
        key=name,
        help="Starts at the level that was fitted for the model after unlearning (the mean of both folds).",
    )


def score_title(attack: str) -> str:
    """What an attack's score is, for an axis."""
    return ATTACKS[attack].score if attack in ATTACKS else "Score"


def threshold_section(panes: list[Scored], attack: str, key: str, marked: np.ndarray) -> float:
    """Distributions with the threshold and the marked rows, and what the threshold decides."""
    edges = score_bins([p.score for p in panes], [p.threshold for p in panes])
    threshold = pick_threshold(panes, edges, f"threshold_{key}")
    figure = score_panes(panes, edges, threshold, score_title(attack), narrow=is_narrow())
    mark_scores(figure, panes, marked, edges)
    show_chart(figure, key="scores", alt=scores_alt(panes, threshold))
    rows = []
    for pane in panes:
        found = judge(pane.score, pane.member, threshold)
        rows.append(
            {
                "At this threshold": pane.title,
                "Accuracy": 100 * found.accuracy,
                "Precision": None if found.precision is None else 100 * found.precision,
                "Recall": 100 * found.recall,
                "Non-members accused": 100 * found.false_positives,
                "Fitted threshold": pane.threshold,
            }
        )
    percent = {n: st.column_config.NumberColumn(format="%.1f %%") for n in list(rows[0])[1:5]}
    st.dataframe(
        shown_table(pd.DataFrame(rows)),
        hide_index=True,
        column_config=percent | {"Fitted threshold": st.column_config.NumberColumn(format="%.4g")},
        placeholder="–",
        alt="Decisions at the chosen threshold",
    )
    with st.container(horizontal=True):
        table_downloads(pd.DataFrame(rows), f"decisions-{attack}", "decisions")
    st.caption(
        f"{'Strokes at the foot are the selected samples. ' if len(marked) else ''}"
        "Solid line: the chosen threshold; dotted: the one fitted for the pane. Shares within members and within "
        "non-members; the outermost bins hold what lies beyond. Its reported numbers judge each half of the "
        "samples by the threshold fitted on the other half, so they differ a little from these. Every sample is scored "
        "by an attack that was fitted on the other half of them."
    )
    return threshold


def roc_section(view: RunView, attacks: dict[str, Any], attack: str) -> None:
    """ROC curves of every model and way."""
    axis = st.segmented_control(
        "False positives",
        list(AXES),
        format_func=AXES.__getitem__,
        default="log",
        required=True,
        key="roc_axis",
        bind="query-params",
    )
    curves = [c for series in SERIES if (c := scored(view, attacks, attack, *series)) is not None]
    shadows = [scored(view, attacks, attack, model, "shadow") for model in ("before",)]
    curves += [c for c in shadows if c is not None]
    show_chart(roc_figure(curves, log=axis == "log"), key="roc", alt=roc_alt(curves))
    member = curves[0].member
    st.caption(roc_words(int(member.sum()), int((~member).sum())))


def panes_of(view: RunView, attacks: dict[str, Any], attack: str, way: str) -> list[Scored]:
    """The scores of an attack on every model, as far as it was made; says so where it was made on none."""
    shown = [scored(view, attacks, attack, model, way_on(model, way)) for model in MODELS]
    panes = [pane for pane in shown if pane is not None]
    if not panes:
        st.info("This attack gave no scores in this way.", icon=":material/info:")
    return panes
