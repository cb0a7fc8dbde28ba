"""Distributions of cosines, members against non-members, with their means marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cu_core.base.display_text import counted
from cu_core.figures.confidence_panes import (
    SIGNALS,
    ConfidencePane,
    SampleSignal,
    axis_of,
    distributions,
    distributions_alt,
)
from cu_core.figures.theme import COLOURS, GROUPS, TITLES, join

COSINES: dict[str, SampleSignal] = {
    s.id: s
    for s in (
        SIGNALS["views"],
        SampleSignal(
            "pairs",
            "pair_cosines",
            "Mean over view pairs",
            "Mean cosine of all pairs of views",
            None,
            1.0,
            "The same over all pairs of a fixed number of views, which is less noisy than one pair.",
        ),
        SampleSignal(
            "centroid",
            "own_centroid_cosine",
            "Own-class centroid",
            "Cosine to the own class's centroid",
            None,
            1.0,
            "How near a sample lies to the retain samples of its label; no class is left to compare with where all of "
            "it was forgotten.",
        ),
    )
}
"""What the page shows. Wang and Chen compare members and non-members by the cosine of two views of one image."""


def only(pane: ConfidencePane, groups: Collection[str]) -> ConfidencePane:
    """The pane with the samples of some groups."""
    kept = np.isin(pane.groups, list(groups))
    return replace(pane, groups=pane.groups[kept], values=pane.values[kept])


def similarity_histograms(
    signal: SampleSignal,
    panes: Sequence[ConfidencePane],
    edges: np.ndarray,
    *,
    top: float,
    overlaid: bool = True,
    narrow: bool = False,
) -> go.Figure:
    """Histograms as on the confidence page, with a dashed line at the mean of each group.

    Args:
        signal: one of `COSINES`.
        panes: columns from left to right.
        edges: common bins.
        top: largest share on any axis.
        overlaid: all groups in one pane per state; otherwise one row of panes per group.
        narrow: whether it is drawn on a phone.
    """
    figure = distributions(signal, panes, edges, top=top, overlaid=overlaid, narrow=narrow)
    # `distributions` adds the groups of each pane in turn, so its traces tell which pane is whose.
    for trace, (pane, group) in zip(list(figure.data), _drawn(panes), strict=True):
        values = pane.of(group)
        if not len(values):
            continue
        mean = float(values.mean())
        line = go.Scatter(
            x=axis_of(signal, edges).place(np.array([mean, mean])),
            y=[0, top * 1.06],
            mode="lines",
            line={"color": COLOURS[group], "width": 1.5, "dash": "dash"},
            legendgroup=group,
            showlegend=False,
            name=f"Mean of {group}",
            xaxis=trace.xaxis,
            yaxis=trace.yaxis,
            hovertemplate=f"{TITLES[group]}, {pane.title}<br>mean {mean:.4f} of {counted(len(values), 'sample')}"
            "<extra></extra>",
        )
        figure.add_trace(line)
    return figure


def similarity_alt(signal: SampleSignal, panes: Sequence[ConfidencePane]) -> str:
    """Medians and means in words."""
    means = [
        f"{pane.title}: mean " + join([f"{pane.of(g).mean():.3g} ({g})" for g in GROUPS if len(pane.of(g))])
        for pane in panes
    ]
    return f"{distributions_alt(signal, panes)} {'. '.join(means)}."


def means_table(panes: Sequence[ConfidencePane]) -> pd.DataFrame:
    """One row per pane: mean and count of each group, and how far forget lies above unseen.

    Returns:
        Columns ``moment``, then ``<group>`` and ``<group> n`` for groups with values anywhere, then ``gap`` (forget
        mean minus unseen mean; NaN where either is missing).
    """
    present = [group for group in GROUPS if any(len(pane.of(group)) for pane in panes)]
    rows = []
    for pane in panes:
        values = {group: pane.of(group) for group in GROUPS}
        mean = {group: float(v.mean()) if len(v) else float("nan") for group, v in values.items()}
        row: dict[str, object] = {"moment": pane.title}
        for group in present:
            row |= {group: mean[group], f"{group} n": len(values[group])}
        rows.append(row | {"gap": mean["forget"] - mean["unseen"]})
    return pd.DataFrame(rows)


def _drawn(panes: Sequence[ConfidencePane]) -> list[tuple[ConfidencePane, str]]:
    groups = [group for group in GROUPS if any(len(pane.of(group)) for pane in panes)]
    return [(pane, group) for pane in panes for group in groups]
