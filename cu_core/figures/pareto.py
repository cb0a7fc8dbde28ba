"""Trade-off figure: gap in utility against gap in forgetting, both to retrained models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cu_core.figures.run_style import run_style
from cu_core.figures.theme import COLOURS, FAINT, NEUTRAL, NO_BAND, SYMBOLS, dress, join, tint

ZOOM = 4.0
SEED = 8.0
"""Diameter in px of a single run beside the mean of its line."""

SMALLEST, LARGEST = 9.0, 34.0
"""Diameters in px of markers that took no time, and as long as retraining or longer."""


@dataclass(frozen=True)
class ParetoPoint:
    """One run.

    Attributes:
        name: told on hovering.
        utility: accuracy on what should stay minus that of the reference, in points (1 point is 0.01).
        forgetting: accuracy on what was forgotten minus that of the reference, in points.
        time_share: of retraining, 0..1 or more; None if unknown.
    """

    name: str
    utility: float
    forgetting: float
    time_share: float | None


@dataclass(frozen=True)
class ParetoLine:
    """A configuration with its runs.

    Attributes:
        label: in the legend.
        points: one per run with both gaps.
    """

    label: str
    points: tuple[ParetoPoint, ...]


@dataclass(frozen=True)
class ParetoBox:
    """The references' band around 0.

    Attributes:
        utility: half width in points.
        forgetting: half width in points.
    """

    utility: float
    forgetting: float


def pareto(
    lines: Sequence[ParetoLine],
    boxes: Sequence[ParetoBox],
    *,
    utility: str,
    forgetting: str,
    means: bool,
    zoomed: bool = False,
) -> go.Figure:
    """Both gaps of every line; the centre is retraining.

    Args:
        lines: configurations in their order, which decides their style.
        boxes: bands of the references, each once.
        utility: what x is, e.g. ``"Unseen accuracy, other classes"``.
        forgetting: what y is.
        means: draw the mean over a line's runs large and the runs faint; otherwise every run alike.
        zoomed: show `ZOOM` half widths of the largest band around the centre, and leave out what lies beyond.
    """
    figure = go.Figure()
    for number, box in enumerate(boxes):
        figure.add_trace(_box(box, showlegend=number == 0))
    figure.add_trace(
        go.Scatter(
            x=[0],
            y=[0],
            mode="markers",
            name="Retrained",
            marker={"symbol": SYMBOLS["reference"], "color": COLOURS["reference"], "size": 11},
            hovertemplate="mean of the retrained models<extra></extra>",
        )
    )
    for index, line in enumerate(lines):
        if line.points:
            for trace in _line(index, line, means=means):
                figure.add_trace(trace)
    guide = {"color": NEUTRAL, "width": 1, "dash": "dot"}
    figure.add_hline(y=0, line=guide)
    figure.add_vline(x=0, line=guide)
    figure.update_xaxes(title_text=f"Utility gap: {utility} minus reference (points)")
    figure.update_yaxes(title_text=f"Forgetting gap: {forgetting} minus reference (points)")
    x = _range([p.utility for line in lines for p in line.points], [box.utility for box in boxes])
    y = _range([p.forgetting for line in lines for p in line.points], [box.forgetting for box in boxes])
    if zoomed and boxes:
        x, y = (
            [-ZOOM * half, ZOOM * half] for half in (max(b.utility for b in boxes), max(b.forgetting for b in boxes))
        )
    figure.update_layout(xaxis_range=x, yaxis_range=y, legend_itemsizing="constant")
    return dress(figure, height=480, bottom=56)


def pareto_words(lines: Sequence[ParetoLine], boxes: Sequence[ParetoBox], *, means: bool) -> str:
    """What centre, box, places and sizes of markers mean, and bars through means where there are any."""
    band = "" if boxes else f" {NO_BAND}"
    seeds = (
        " Bars through a mean reach from its lowest to its highest seed."
        if means and any(len(line.points) > 1 for line in lines)
        else ""
    )
    box = ", the box their 95 % prediction band: inside it a run could be one more of them" if boxes else ""
    return (
        f"The centre is the mean of the retrained models{box}. Above the centre forget samples are predicted as "
        "labelled more often than by retrained models, below it less often. The area of a marker grows with the time "
        f"as a share of retraining; where that is not known, it is the smallest.{band}{seeds}"
    )


def pareto_alt(lines: Sequence[ParetoLine]) -> str:
    """Mean gaps in words."""
    parts = [
        f"{line.label}: {_mean([p.utility for p in line.points]):+.1f} points of utility and "
        f"{_mean([p.forgetting for p in line.points]):+.1f} of forgetting away"
        for line in lines
        if line.points
    ]
    return f"Gaps to retrained models. {join(parts)}." if parts else "No run has a reference."


def diameter(time_share: float | None) -> float:
    """Marker size in px: its area grows with the time as a share of retraining, up to all of it."""
    share = min(max(time_share or 0.0, 0.0), 1.0)
    return math.sqrt(SMALLEST**2 + share * (LARGEST**2 - SMALLEST**2))


def _line(index: int, line: ParetoLine, *, means: bool) -> list[go.Scatter]:
    style = run_style(index)
    several = means and len(line.points) > 1
    singles = go.Scatter(
        x=[p.utility for p in line.points],
        y=[p.forgetting for p in line.points],
        mode="markers",
        name=line.label,
        legendgroup=f"line {index}",
        showlegend=not several,
        marker={
            "symbol": style.symbol,
            "color": tint(style.colour, FAINT if several else 0.85),
            "size": [SEED if several else diameter(p.time_share) for p in line.points],
            "line": {"width": 0 if several else 1, "color": style.colour},
        },
        text=[_hover(p) for p in line.points],
        hovertemplate="%{text}<extra></extra>",
    )
    if not several:
        return [singles]
    known = [p.time_share for p in line.points if p.time_share is not None]
    middle = ParetoPoint(
        f"{line.label}, mean of {len(line.points)} seeds",
        _mean([p.utility for p in line.points]),
        _mean([p.forgetting for p in line.points]),
        _mean(known) if known else None,
    )
    mean = go.Scatter(
        x=[middle.utility],
        y=[middle.forgetting],
        error_x=_reach([p.utility for p in line.points], style.colour),
        error_y=_reach([p.forgetting for p in line.points], style.colour),
        mode="markers",
        name=line.label,
        legendgroup=f"line {index}",
        marker={
            "symbol": style.symbol,
            "color": tint(style.colour, 0.85),
            "size": diameter(middle.time_share),
            "line": {"width": 1, "color": style.colour},
        },
        text=[_hover(middle)],
        hovertemplate="%{text}<extra></extra>",
    )
    return [singles, mean]


def _reach(values: Sequence[float], colour: str) -> dict[str, object]:
    """Bars from the lowest to the highest of a mean's runs; a deviation of two or three says less than they do."""
    mean = _mean(values)
    return {
        "type": "data",
        "array": [max(values) - mean],
        "arrayminus": [mean - min(values)],
        "color": colour,
        "thickness": 1.2,
        "width": 4,
    }


def _hover(point: ParetoPoint) -> str:
    time = "time of retraining n/a" if point.time_share is None else f"{point.time_share:.1%} of retraining's time"
    return f"{point.name}<br>utility {point.utility:+.2f}, forgetting {point.forgetting:+.2f} points<br>{time}"


def _box(box: ParetoBox, *, showlegend: bool) -> go.Scatter:
    x, y = box.utility, box.forgetting
    return go.Scatter(
        x=[-x, x, x, -x, -x],
        y=[-y, -y, y, y, -y],
        mode="lines",
        fill="toself",
        fillcolor=tint(COLOURS["reference"], 0.16),
        line={"color": tint(COLOURS["reference"], 0.8), "width": 1, "dash": "dash"},
        name="Band of retrained models",
        legendgroup="band",
        showlegend=showlegend,
        hoverinfo="skip",
    )


def _range(values: Sequence[float], halves: Sequence[float]) -> list[float]:
    # Bands of two references can be many times wider than all that is shown; they may leave the picture.
    reach = max([1.0, *(1.5 * abs(v) for v in values)])
    kept = [min(half, reach) for half in halves]
    low, high = min([0.0, *values, *(-h for h in kept)]), max([0.0, *values, *kept])
    room = max(0.08 * (high - low), 0.5)
    return [low - room, high + room]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
