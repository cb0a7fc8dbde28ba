"""Bars of linear-probe accuracy on forgotten classes, beside the model's own accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cu_core.figures.theme import COLOURS, SYMBOLS, dress, join, tint

SAID, FOUND = "What the model says", "What a linear probe finds"
"""The two bars of every line: accuracy on unseen samples of the forgotten classes, and probe recovery."""


@dataclass(frozen=True)
class RecoveryBar:
    """One number of a line.

    Attributes:
        mean: over its runs, 0..1; None where it was not measured.
        values: of the single runs.
        reference: mean of the retrained models; None without.
        half: half width of their band; None without one.
    """

    mean: float | None
    values: tuple[float, ...] = ()
    reference: float | None = None
    half: float | None = None


@dataclass(frozen=True)
class Recovery:
    """One line.

    Attributes:
        label: on the axis.
        said: accuracy of the model itself.
        found: accuracy of the probe.
    """

    label: str
    said: RecoveryBar
    found: RecoveryBar


def recovery_bars(lines: Sequence[Recovery]) -> go.Figure:
    """Two bars per line with the references' mean and band beside each; single runs as small circles.

    Args:
        lines: from left to right.
    """
    figure = go.Figure()
    labels = [line.label for line in lines]
    colour = COLOURS["unseen"]
    banded = any(bar.half for line in lines for bar in (line.said, line.found))
    for name, bars, pattern, opacity in (
        (SAID, [line.said for line in lines], "", 0.85),
        (FOUND, [line.found for line in lines], "/", 0.4),
    ):
        figure.add_trace(
            go.Bar(
                x=labels,
                y=[bar.mean for bar in bars],
                name=name,
                offsetgroup=name,
                legendgroup=name,
                marker={
                    "color": tint(colour, opacity),
                    "line": {"color": colour, "width": 1},
                    "pattern": {"shape": pattern, "fgcolor": colour},
                },
                hovertemplate=f"%{{x}}<br>{name.lower()}: %{{y:.1%}}<extra></extra>",
            )
        )
        runs = [(label, v) for label, bar in zip(labels, bars, strict=True) if len(bar.values) > 1 for v in bar.values]
        if runs:
            figure.add_trace(
                go.Scatter(
                    x=[label for label, _ in runs],
                    y=[value for _, value in runs],
                    mode="markers",
                    name="Single runs",
                    offsetgroup=name,
                    legendgroup="single",
                    showlegend=not any(trace.legendgroup == "single" for trace in figure.data),
                    marker={"symbol": "circle-open", "size": 8, "color": tint(colour, 0.9)},
                    hovertemplate="%{x}<br>one seed: %{y:.1%}<extra></extra>",
                )
            )
        known = [(label, bar) for label, bar in zip(labels, bars, strict=True) if bar.reference is not None]
        if known:
            figure.add_trace(
                go.Scatter(
                    x=[label for label, _ in known],
                    y=[bar.reference for _, bar in known],
                    mode="markers",
                    name="Retrained, 95 % band" if banded else "Retrained",
                    offsetgroup=name,
                    legendgroup="reference",
                    showlegend=not any(trace.legendgroup == "reference" for trace in figure.data),
                    marker={"symbol": SYMBOLS["reference"], "size": 9, "color": COLOURS["reference"]},
                    error_y={
                        "type": "data",
                        "array": [bar.half for _, bar in known],
                        "color": COLOURS["reference"],
                        "thickness": 2,
                        "width": 5,
                    },
                    hovertemplate=f"retrained, {name.lower()}: %{{y:.1%}}<extra></extra>",
                )
            )
    figure.update_layout(barmode="group", scattermode="group", bargap=0.3)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels)
    figure.update_yaxes(range=[-0.02, 1.03], tickformat=".0%", title_text="Accuracy, forgotten classes")
    angled = sum(len(label) for label in labels) * 7 > 900
    bottom = 48 + (min(5 * max((len(label) for label in labels), default=0), 140) if angled else 24)
    return dress(figure, height=300 + bottom, bottom=bottom)


def recovery_alt(lines: Sequence[Recovery]) -> str:
    """Both numbers of every line in words."""
    parts = [
        f"{line.label}: the model {line.said.mean:.0%}, the probe {line.found.mean:.0%}"
        for line in lines
        if line.said.mean is not None and line.found.mean is not None
    ]
    return f"Accuracy on the forgotten classes. {join(parts)}." if parts else "Probe recovery was not measured."
