"""How far each round of a run is from retraining, with the band of one more reference and two rounds marked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from cu_core.figures.theme import COLOURS, GRID, NEUTRAL, dress, round_axis, tint

NUMBERS = {
    "margin": "margin of forget minus unseen samples",
    "position": "position between retraining and before",
    "odds": "odds against the label",
}
"""What a distance may be that of, as people read it."""
LEAST = 0.02
"""Smaller distances are drawn here: the axis is logarithmic."""


@dataclass(frozen=True)
class NearRounds:
    """What the curve shows.

    Attributes:
        points: round, distance in half widths of the band, name of the farthest number, and position (0 as retrained
            models, 1 as the model before unlearning; None where unknown), in the order of the rounds.
        nearest: round with the smallest distance.
        inside: rounds at a distance of 1 or less.
        accuracy_stop: round at which a rule of accuracies ended the run or would have; None where it never is met.
        accuracy_rule: its name; empty where none fits the run.
        samples: forget samples behind the numbers.
        references: retrained models behind the band.
    """

    points: tuple[tuple[int, float, str, float | None], ...]
    nearest: int
    inside: tuple[int, ...]
    accuracy_stop: int | None
    accuracy_rule: str
    samples: int | None
    references: int | None

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> NearRounds | None:
        """From a run's result; None where it says nothing of nearness."""
        told = result.get("nearness") or {}
        columns = [told.get(name) or [] for name in ("rounds", "distance", "farthest", "position")]
        points = tuple(
            (int(number), float(distance), str(farthest or ""), position)
            for number, distance, farthest, position in zip(*columns, strict=False)
            if number is not None and distance is not None
        )
        if not points:
            return None
        stop = told.get("accuracy_rule")
        return cls(
            points=points,
            nearest=min(points, key=lambda point: (point[1], point[0]))[0],
            inside=tuple(point[0] for point in points if point[1] <= 1),
            accuracy_stop=None if stop is None else int(stop),
            accuracy_rule=str(told.get("accuracy_rule_name") or ""),
            samples=told.get("samples"),
            references=told.get("references"),
        )

    def distance_at(self, number: int | None) -> float | None:
        """Distance of a round; None where it has none."""
        return next((point[1] for point in self.points if point[0] == number), None)


def nearness_curve(near: NearRounds) -> go.Figure:
    """Distance over rounds on a logarithmic axis; below 1 lies where one more retrained model would.

    Args:
        near: of one run.
    """
    rounds = [point[0] for point in near.points]
    shown = [max(point[1], LEAST) for point in near.points]
    axis = round_axis(rounds[-1], most=12)
    ends = axis["range"]
    low, high = min(*shown, 1.0) / 1.5, max(*shown, 1.0) * 1.5
    colour, reference = COLOURS["forget"], COLOURS["reference"]
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[*ends, *ends[::-1]],
            y=[low, low, 1, 1],
            fill="toself",
            fillcolor=tint(reference, 0.22),
            mode="lines",
            line={"width": 0},
            name="One more retrained model (95 % band)",
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=[1, 1],
            mode="lines",
            line={"color": reference, "dash": "dash", "width": 2},
            showlegend=False,
            hovertemplate="end of the band of one more retrained model<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=rounds,
            y=shown,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": ["x-open" if k == 0 else "x" for k in rounds], "size": 8, "color": colour},
            name="Distance to retraining",
            customdata=[[f"{point[1]:.3g}", _of(point)] for point in near.points],
            hovertemplate="round %{x}: %{customdata[0]} half widths%{customdata[1]}<extra></extra>",
        )
    )
    if near.accuracy_stop is not None:
        figure.add_trace(
            go.Scatter(
                x=[near.accuracy_stop] * 2,
                y=[low, high],
                mode="lines",
                line={"color": NEUTRAL, "dash": "dot", "width": 2},
                name=f"Stop of the {near.accuracy_rule} rule, by accuracy",
                hovertemplate=f"the {near.accuracy_rule} rule is met after round %{{x}}<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[near.nearest],
            y=[max(near.distance_at(near.nearest) or LEAST, LEAST)],
            mode="markers",
            marker={"symbol": "circle-open", "size": 17, "color": NEUTRAL, "line": {"width": 2.5}},
            name="Nearest round",
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(axis | {"title_text": "Round (0 = before)", "gridcolor": GRID})
    ticks = _ticks(low, high)
    figure.update_yaxes(
        type="log",
        title_text="Distance (half widths)",
        gridcolor=GRID,
        tickvals=ticks,
        ticktext=[f"{tick:,g}" for tick in ticks],
    )
    return dress(figure, height=280)


def nearness_alt(near: NearRounds) -> str:
    """The curve in words, for people who do not see it."""
    first, last = near.points[0], near.points[-1]
    stop = "" if near.accuracy_stop is None else f" The {near.accuracy_rule} rule is met after {near.accuracy_stop}."
    return (
        f"Distance to retraining over rounds {first[0]} to {last[0]}: from {first[1]:.3g} to {last[1]:.3g} half widths "
        f"of the band of one more retrained model; nearest is round {near.nearest} with "
        f"{near.distance_at(near.nearest):.3g}.{stop}"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between the ends of the axis: 1, 2 and 5 of every power of ten, of many powers the 1 alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if math.log10(high / low) < 2 else (1,)
    return [tick for power in powers for digit in digits if low <= (tick := digit * 10.0**power) <= high]


def _of(point: tuple[int, float, str, float | None]) -> str:
    number, position = NUMBERS.get(point[2], ""), point[3]
    said = f"<br>by its {number}" if number else ""
    return said if position is None else f"{said}<br>position {position:.2f} (0 as retrained, 1 as before)"
