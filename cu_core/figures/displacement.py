"""Scatter of true against plotted displacement since round 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cu_core.figures.theme import GROUPS, NEUTRAL, TITLES, dress, marker

MOST_DRAWN = 3000
"""Points drawn; more are thinned evenly over the true distance, the nearest and farthest kept."""


@dataclass(frozen=True)
class Displacement:
    """How far samples are from their place of round 0.

    Attributes:
        true: (n,) distance in the full space, in its own unit.
        plotted: (n,) distance in the picture, in radii of the picture.
        trend: radii of the picture per unit of the full space that fit best (least squares through 0); 0 where
            nothing moved.
    """

    true: np.ndarray
    plotted: np.ndarray
    trend: float

    @classmethod
    def of(cls, true: np.ndarray, flat_start: np.ndarray, flat_now: np.ndarray) -> Displacement:
        """Compares (n,) distances from round 0 with the (n, k) coordinates of round 0 and a later round.

        The radius is the root mean square distance from the middle of both rounds' points.
        """
        true = np.asarray(true, np.float64)
        both = np.concatenate([flat_start, flat_now]).astype(np.float64)
        radius = np.sqrt(((both - both.mean(0)) ** 2).sum(1).mean())
        plotted = np.linalg.norm(np.asarray(flat_now, np.float64) - flat_start, axis=1)
        plotted = plotted / radius if radius else plotted
        squares = float(true @ true)
        return cls(true, plotted, float(true @ plotted) / squares if squares else 0.0)


def displacement_figure(
    moved: Displacement,
    groups: np.ndarray,
    ids: np.ndarray,
    *,
    kept: np.ndarray | None = None,
    ends: tuple[float, float] | None = None,
) -> go.Figure:
    """One point per sample, and the line on which all of them would lie if plotted movement were true movement.

    Args:
        moved: what `Displacement.of` found.
        groups: (n,) group names of `cu_core.figures.theme.GROUPS`.
        ids: (n,) numbers of the samples, for hovering and selecting.
        kept: (n,) share of true neighbours kept, shown on hovering; NaN where it was not measured.
        ends: largest true and plotted distance over all rounds, for axes that stay; those of this round by default.
    """
    rows = _drawn(moved.true)
    figure = go.Figure()
    farthest, plotted = ends or (float(moved.true.max(initial=0.0)), float(moved.plotted.max(initial=0.0)))
    end = farthest * 1.05
    figure.add_scatter(
        x=[0, end],
        y=[0, moved.trend * end],
        mode="lines",
        name="Faithful",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    for group in GROUPS:
        part = rows[groups[rows] == group]
        if not len(part):
            continue
        shares = np.full(len(part), np.nan) if kept is None else kept[part]
        known = ["" if np.isnan(share) else f"<br>true neighbours kept {share:.0%}" for share in shares]
        figure.add_scattergl(
            x=moved.true[part].astype(np.float32),
            y=moved.plotted[part].astype(np.float32),
            mode="markers",
            name=TITLES[group],
            marker=marker(group, size=5),
            customdata=list(zip(ids[part].tolist(), known, strict=True)),
            hovertemplate="sample %{customdata[0]}<br>true %{x:.3g}<br>plotted %{y:.1%} of the radius%{customdata[1]}"
            f"<extra>{TITLES[group]}</extra>",
        )
    figure.update_xaxes(title="True distance from round 0 (full space)", range=[0, end or 1.0])
    figure.update_yaxes(title="Plotted distance (radii)", range=[0, plotted * 1.05 or 1.0], tickformat=".0%")
    return dress(figure, height=300)


def _drawn(true: np.ndarray) -> np.ndarray:
    if len(true) <= MOST_DRAWN:
        return np.arange(len(true))
    order = np.argsort(true, kind="stable")
    return np.sort(order[np.unique(np.linspace(0, len(order) - 1, MOST_DRAWN).round().astype(int))])
