"""Marks of selected samples in histograms, and their attack decisions as counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cu_core.figures.attack_scores import SIDES, Scored
from cu_core.figures.confidence_panes import ConfidencePane
from cu_core.figures.theme import COLOURS, GROUPS, join
from cu_core.figures.value_axis import ValueAxis

MOST_MARKS = 300
"""Selected samples of a group that are marked in a histogram; of more, as many evenly spread over their values."""


def mark_selected(
    figure: go.Figure,
    panes: Sequence[ConfidencePane],
    selected: np.ndarray,
    axis: ValueAxis,
    *,
    top: float,
    overlaid: bool = True,
) -> go.Figure:
    """Adds a short vertical stroke at the value of each selected sample, at the foot of its histogram.

    Args:
        figure: of `cu_core.figures.confidence_panes.distributions`, changed in place.
        panes: its states, in their order.
        selected: (n,) bool over the samples of every pane.
        axis: its bins; what lies outside is marked at the nearer end.
        top: largest share on any axis.
        overlaid: whether all groups share a pane.

    Returns:
        The same figure.
    """
    groups = [group for group in GROUPS if any(len(pane.of(group)) for pane in panes)]
    axes = {(t.meta["pane"], t.meta["group"]): t for t in figure.data if t.meta and "pane" in t.meta}
    named = False
    for column, pane in enumerate(panes):
        for row, group in enumerate(groups):
            values = pane.values[selected & (pane.groups == group) & np.isfinite(pane.values)]
            if not len(values):
                continue
            height = top * (0.04 + 0.05 * row * overlaid)
            trace = _strokes(values, group, f"selected {group} sample, {pane.title}", axis, height, named)
            beside = axes[column, group]
            figure.add_trace(trace.update(xaxis=beside.xaxis, yaxis=beside.yaxis))
            named = True
    return figure


def mark_scores(figure: go.Figure, panes: Sequence[Scored], rows: np.ndarray, edges: np.ndarray) -> go.Figure:
    """The same for the scores of a membership attack.

    Args:
        figure: of `cu_core.figures.attack_scores.score_panes`, changed in place.
        panes: its panes, in their order.
        rows: of the scores, those of selected samples.
        edges: its bins.

    Returns:
        The same figure.
    """
    top = float(figure.layout.yaxis.range[1])
    axes = {(t.meta["model"], t.meta["way"]): t for t in figure.data if t.meta and "side" in t.meta}
    named = False
    for pane in panes:
        for k, (side, (group, title)) in enumerate(SIDES.items()):
            values = pane.score[rows][pane.member[rows].astype(bool) == (side == "members")]
            values = values[np.isfinite(values)]
            if len(values):
                words = f"selected, {title.lower()}"
                trace = _strokes(values, group, words, ValueAxis(edges), top * (0.04 + 0.05 * k), named)
                beside = axes[pane.model, pane.way]
                figure.add_trace(trace.update(xaxis=beside.xaxis, yaxis=beside.yaxis))
                named = True
    return figure


def _strokes(values: np.ndarray, group: str, words: str, axis: ValueAxis, height: float, named: bool) -> go.Scatter:
    marked = thin(np.sort(values), MOST_MARKS)
    return go.Scatter(
        x=axis.place(marked),
        customdata=marked,
        y=np.full(min(len(values), MOST_MARKS), height),
        mode="markers",
        marker={
            "symbol": "line-ns-open",
            "size": 11,
            "color": COLOURS[group],
            "line": {"width": 1.6, "color": COLOURS[group]},
        },
        name="Selected samples",
        legendgroup="selected",
        showlegend=not named,
        hovertemplate=f"{words}: %{{customdata:.4g}}<extra></extra>",
        meta={"selected": group},
    )


def thin(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the values, evenly spread over their order, the first and the last included."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).round().astype(np.int64)]


def decided(pane: Scored, threshold: float) -> tuple[int, int, int, int]:
    """Members judged members, members, others judged members, others; counts are right for any number of samples."""
    accused = pane.score >= threshold
    member = pane.member.astype(bool)
    return int((accused & member).sum()), int(member.sum()), int((accused & ~member).sum()), int((~member).sum())


def decided_words(panes: Sequence[Scored], threshold: float) -> str:
    """The decisions about some samples in words, e.g. for people who do not see the chart."""
    sentences = []
    for pane in panes:
        caught, members, accused, others = decided(pane, threshold)
        parts = [f"{caught} of {members} members"] * bool(members) + [f"{accused} of {others} others"] * bool(others)
        sentences.append(f"{pane.title}: {join(parts)} are judged members.")
    return " ".join(sentences)
