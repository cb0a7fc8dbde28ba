"""Trials of a tuning: distance to retraining over each hyper-parameter that was drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.base.display_text import counted
from cu_core.figures.theme import COLOURS, NEUTRAL, RUN_COLOURS, dress, tint

COLUMNS = 3
PANE_HEIGHT = 260


@dataclass(frozen=True)
class TriedAxis:
    """One hyper-parameter.

    Attributes:
        name: field, key of `TriedValues.values`.
        label: below its pane.
        log: whether it was drawn by factors.
    """

    name: str
    label: str
    log: bool


@dataclass(frozen=True)
class TriedValues:
    """One trial.

    Attributes:
        number: from 1; the first has the values that the method started from.
        values: of the axes.
        distance: to retraining, 0..1; None where it has none.
    """

    number: int
    values: Mapping[str, Any]
    distance: float | None


def tuning_scatter(
    axes: Sequence[TriedAxis], trials: Sequence[TriedValues], *, best: int | None = None, among: Sequence[float] = ()
) -> go.Figure:
    """A pane for each axis, with the same distances in all of them.

    Args:
        axes: at least one.
        trials: those that are over; one without a distance stands at the upper edge, as a cross.
        best: number of the trial nearest to retraining.
        among: distances of retrained models from each other; the largest is drawn as a line.
    """
    columns = min(COLUMNS, len(axes))
    rows = -(-len(axes) // columns)
    figure = make_subplots(rows=rows, cols=columns, shared_yaxes="rows", horizontal_spacing=0.06, vertical_spacing=0.2)
    known = [trial for trial in trials if trial.distance is not None]
    top = max([*(trial.distance or 0.0 for trial in known), *among], default=1.0) * 1.08 or 1.0
    groups = (
        ("Start", [t for t in known if t.number == 1 != best], "diamond", COLOURS["retain"], 12),
        ("Trial", [t for t in known if t.number not in (1, best)], "circle", RUN_COLOURS[0], 8),
        ("Nearest", [t for t in known if t.number == best], "star", COLOURS["forget"], 15),
        ("Without a distance", [t for t in trials if t.distance is None], "x", NEUTRAL, 9),
    )
    for place, axis in enumerate(axes):
        row, column = place // columns + 1, place % columns + 1
        for name, group, symbol, colour, size in groups:
            if not group:
                continue
            figure.add_trace(
                go.Scatter(
                    x=[trial.values[axis.name] for trial in group],
                    y=[top if trial.distance is None else trial.distance for trial in group],
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=place == 0,
                    marker={"symbol": symbol, "color": tint(colour, 0.85), "size": size},
                    text=[_hover(trial) for trial in group],
                    hovertemplate="%{text}<extra></extra>",
                ),
                row=row,
                col=column,
            )
        if among:
            line = {"color": COLOURS["reference"], "width": 1, "dash": "dash"}
            figure.add_hline(y=max(among), line=line, row=row, col=column)
        figure.update_xaxes(title_text=axis.label, type="log" if axis.log else "-", row=row, col=column)
        if column == 1:
            figure.update_yaxes(title_text="Distance to retraining", row=row, col=column)
    figure.update_yaxes(range=[0, top * 1.04])
    return dress(figure, height=PANE_HEIGHT * rows + 60, bottom=56)


def tuning_alt(trials: Sequence[TriedValues], best: int | None) -> str:
    """What the figure shows, in words."""
    distances = {trial.number: trial.distance for trial in trials if trial.distance is not None}
    if best not in distances:
        return "No trial has a distance to retraining."
    start = f", the values at the start {distances[1]:.3f}" if 1 in distances and best != 1 else ""
    return (
        f"Distances to retraining of {counted(len(distances), 'trial')} over the hyper-parameters that were drawn: "
        f"trial {best} is nearest with {distances[best]:.3f}{start}."
    )


def _hover(trial: TriedValues) -> str:
    told = "no distance" if trial.distance is None else f"distance {trial.distance:.4f}"
    values = "<br>".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in trial.values.items())
    return f"trial {trial.number}: {told}<br>{values}"
