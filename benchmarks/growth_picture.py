"""Draws how costs grow: seconds over sizes, both logarithmic, beside a linear slope."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from benchmarks.pictures import Panes


@dataclass(frozen=True)
class Pane:
    """One kind of growth.

    Attributes:
        name: of what grows, with its unit.
        sizes: (k,) above 0, in order.
        seconds: (k,) each, by the name of the cost.
    """

    name: str
    sizes: Sequence[int]
    seconds: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Style:
    """How the line of a cost looks.

    Attributes:
        colour: of line and markers.
        dash: of the line, in Plotly's words.
    """

    colour: str
    dash: str = "solid"


def picture(panes: Sequence[Pane], styles: Mapping[str, Style], unit: str = "seconds") -> go.Figure:
    """The panes side by side.

    Args:
        panes: what to draw.
        styles: of all costs in them, by name.
        unit: of the vertical axes.
    """
    drawn = Panes([f"Growing {pane.name}" for pane in panes])
    figure = drawn.figure
    for column, pane in enumerate(panes, 1):
        start = statistics.median(seconds[0] for seconds in pane.seconds.values())
        linear = [start, start * pane.sizes[-1] / pane.sizes[0]]
        dotted = {"color": "#999", "dash": "dot"}
        drawn.line(column, "linear", x=[pane.sizes[0], pane.sizes[-1]], y=linear, mode="lines", line=dotted)
        for name, seconds in pane.seconds.items():
            line = {"color": styles[name].colour, "dash": styles[name].dash}
            drawn.line(column, name, x=pane.sizes, y=seconds, mode="lines+markers", line=line)
        ticks = [f"{size:,}" for size in pane.sizes]
        figure.update_xaxes(type="log", title_text=pane.name, tickvals=pane.sizes, ticktext=ticks, col=column)
        ends = [end for seconds in pane.seconds.values() for end in (min(seconds), max(seconds))] + linear
        values = _ticks(min(ends), max(ends))
        figure.update_yaxes(type="log", tickvals=values, ticktext=[f"{value:g}" for value in values], row=1, col=column)
    figure.update_yaxes(title_text=unit, col=1)
    return figure


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten around a range; below two decades with 2 and 5 between them, as powers alone would be too few."""
    steps = (1, 2, 5) if high < 100 * low else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in steps]
