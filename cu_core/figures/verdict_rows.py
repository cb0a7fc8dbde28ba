"""The answers of a verdict as rows on one axis: retrained models, their band, this model, and the positive control.

All rows share an axis: the distance to the mean of the retrained models in half widths of their 95 % band. So the band
lies at the same place in every row, whatever the unit of the number. Within the band the axis is linear, beyond it
logarithmic, and what lies beyond its end is drawn at the end as an arrow.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from cu_core.figures.theme import COLOURS, GRID, NEUTRAL, SYMBOLS, chart_text, dress, note_font, tint

DECADES = 3
"""Powers of ten of the band's half width that the axis shows on either side."""

END = 1.0 + DECADES
THIS, CONTROL = "#7162DE", "#8A8F98"
ROW_PX, TITLED_PX = 96, 124
HALF = 0.17
"""Half the height of a band, of the height of a row: so much that the marks lie within and their names outside."""
AXIS = "Distance to the retrained models' mean, in half widths of their 95 % band"
SHORT = "Half widths of the band"
"""Of a single row, whose number and unit stand beside it; it has room on a phone."""
LEAST = 1e-12
"""Smaller numbers are what rounding leaves of nothing."""
_WRAP = 64


@dataclass(frozen=True)
class VerdictRow:
    """One number of a model beside those of retrained ones.

    Attributes:
        title: what the number is; empty where it stands beside the chart.
        unit: of the number, in words.
        value: of the unlearned model; None where it has none.
        control: of the positive control; None where there is none.
        control_title: what the control is called.
        references: one number per retrained model; at least one.
        low: lower end of their 95 % band, which ends where the number does: a share at 0.
        high: upper end.
        detectable: smallest distance to their mean that would have been called a difference; None if unknown.
        sides: ``"both"``, ``"high"`` or ``"low"``: in which direction a difference counts.
    """

    title: str
    unit: str
    value: float | None
    control: float | None
    control_title: str
    references: tuple[float, ...]
    low: float
    high: float
    detectable: float | None = None
    sides: str = "both"

    @property
    def mean(self) -> float:
        """Mean of the retrained models."""
        return sum(self.references) / len(self.references)

    def distance(self, value: float) -> float:
        """Signed distance of a number to the mean, in half widths of the band: of its wider side, if one is cut off."""
        return (value - self.mean) / max(self.mean - self.low, self.high - self.mean, 1e-300)

    def where(self, value: float) -> str:
        """Where a number lies, in words."""
        if self.low <= value <= self.high:
            return "inside the band"
        distance = self.distance(value)
        return f"{number_text(abs(distance))} half widths {'above' if distance > 0 else 'below'} the mean"


def row_of_test(test: Mapping[str, Any], title: str = "") -> VerdictRow | None:
    """The row of one test of a claim, as ``result.json`` holds it; None where retrained models give no band.

    Args:
        test: an entry of a claim's ``tests``.
        title: before the test's own; empty for a row that has no title.
    """
    low, high = test.get("null_low"), test.get("null_high")
    references = tuple(float(v) for v in test.get("references") or () if v is not None)
    if low is None or high is None or len(references) < 2:
        return None
    return VerdictRow(
        title=chart_text(f"{title}: {test.get('title')}") if title else "",
        unit=str(test.get("unit") or ""),
        value=test.get("value"),
        control=test.get("base"),
        control_title="Planted difference" if test.get("planted") else "Before unlearning",
        references=references,
        low=float(low),
        high=float(high),
        detectable=test.get("detectable"),
        sides=str(test.get("sides") or "both"),
    )


def place_of(distance: float) -> float:
    """Where on the axis a distance lies: itself up to 1, then 1 more for every power of ten; at most `END`."""
    size = abs(distance)
    place = size if size <= 1 else min(1 + math.log10(size), END)
    return math.copysign(place, distance)


def beyond(distance: float) -> bool:
    """Whether a distance lies beyond the axis, so that it is drawn as an arrow at its end."""
    return abs(distance) > 10**DECADES


def number_text(value: float) -> str:
    """A number with three significant digits, as people read it."""
    if abs(value) < LEAST:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        text = f"{value:.3g}" if abs(value) < 1e3 else f"{value:,.0f}"
    else:
        text = f"{value:.1e}"
    return text.replace("-", "−")


def verdict_rows(rows: Sequence[VerdictRow]) -> go.Figure:
    """The rows from top to bottom.

    Args:
        rows: at least one.
    """
    titled = any(row.title for row in rows)
    figure = go.Figure()
    for number, row in enumerate(rows):
        _draw(figure, row, -number, first=number == 0)
    ticks = range(-int(END), int(END) + 1)
    figure.update_xaxes(
        range=[-END - 0.25, END + 0.25],
        fixedrange=True,
        tickvals=list(ticks),
        ticktext=[_tick(tick) for tick in ticks],
        title_text=AXIS if titled else SHORT,
    )
    figure.update_yaxes(
        range=[0.55 - len(rows), 0.45 + 0.12 * titled], fixedrange=True, showticklabels=False, showgrid=False
    )
    bottom = 56 if titled else 46
    height = (TITLED_PX if titled else ROW_PX) * len(rows) + bottom
    dress(figure, height=height, top=8, bottom=bottom)
    figure.update_layout(showlegend=False, margin={"l": 8, "r": 8}, hovermode="closest", dragmode=False)
    return figure


def verdict_alt(rows: Sequence[VerdictRow]) -> str:
    """What the rows show, in words."""
    said = []
    for row in rows:
        parts = [
            f"{len(row.references)} retrained models, 95 % between {number_text(row.low)} and {number_text(row.high)}"
        ]
        if row.value is not None:
            parts.append(f"this model {number_text(row.value)}, {row.where(row.value)}")
        if row.control is not None:
            parts.append(f"{row.control_title.lower()} {number_text(row.control)}, {row.where(row.control)}")
        said.append(f"{row.title + ': ' if row.title else ''}{'; '.join(parts)}.")
    return " ".join(said)


def _draw(figure: go.Figure, row: VerdictRow, y: float, *, first: bool) -> None:
    figure.add_shape(
        type="rect",
        x0=place_of(row.distance(row.low)),
        x1=place_of(row.distance(row.high)),
        y0=y - HALF,
        y1=y + HALF,
        layer="below",
        line={"width": 0},
        fillcolor=tint(COLOURS["reference"], 0.22),
    )
    figure.add_shape(type="line", x0=-END, x1=END, y0=y, y1=y, layer="below", line={"width": 1, "color": GRID})
    for x in _limits(row):
        figure.add_shape(
            type="line",
            x0=x,
            x1=x,
            y0=y - 1.2 * HALF,
            y1=y + 1.2 * HALF,
            line={"width": 1.5, "dash": "dot", "color": NEUTRAL},
        )
    if row.title:
        title = "<br>".join(textwrap.wrap(row.title, _WRAP))
        figure.add_annotation(
            x=0, xref="paper", xanchor="left", y=y + 0.5, yanchor="middle", text=title, showarrow=False, align="left",
            font=note_font(),
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[place_of(row.distance(value)) for value in row.references],
            y=[y] * len(row.references),
            mode="markers",
            name="Retrained models",
            showlegend=first,
            marker={
                "symbol": SYMBOLS["reference"],
                "size": 8,
                "color": tint(COLOURS["reference"], 0.75),
                "line": {"width": 0},
            },
            customdata=[_words(value, row) for value in row.references],
            hovertemplate="Retrained model: %{customdata}<extra></extra>",
        )
    )
    if row.value is not None:
        _mark(figure, "This model", row.value, row, y, above=True)
    if row.control is not None:
        _mark(figure, row.control_title, row.control, row, y, above=False)


def _mark(figure: go.Figure, name: str, value: float, row: VerdictRow, y: float, *, above: bool) -> None:
    """A marker on its side of the line with its name and its number; at the end of the axis an arrow."""
    distance = row.distance(value)
    x, side = place_of(distance), "top" if above else "bottom"
    off = beyond(distance)
    symbol = f"triangle-{'right' if distance > 0 else 'left'}" if off else f"triangle-{'down' if above else 'up'}"
    anchor = "left" if x > END / 3 else "right" if x < -END / 3 else "center"
    colour = THIS if above else CONTROL
    figure.add_trace(
        go.Scatter(
            x=[x],
            y=[y + (0.1 if above else -0.1)],
            mode="markers+text",
            name=name,
            showlegend=False,
            cliponaxis=False,
            marker={
                "symbol": symbol if above else f"{symbol}-open",
                "size": 13 if above else 11,
                "color": colour,
                "line": {"width": 0 if above else 2, "color": colour},
            },
            text=[f"<b>{name}</b> {number_text(value)}" if above else f"{name} {number_text(value)}"],
            textposition=f"{side} {anchor}",
            customdata=[_words(value, row) + (", beyond the end of the axis" if off else "")],
            hovertemplate=f"{name}: %{{customdata}}<extra></extra>",
        )
    )


def _limits(row: VerdictRow) -> list[float]:
    """Places on the axis from which on a difference would have been called one."""
    if row.detectable is None:
        return []
    distance = row.distance(row.mean + row.detectable)
    signs = {"both": (-1.0, 1.0), "high": (1.0,), "low": (-1.0,)}.get(row.sides, (-1.0, 1.0))
    return [] if beyond(distance) else [place_of(sign * distance) for sign in signs]


def _words(value: float, row: VerdictRow) -> str:
    return f"{number_text(value)} {row.unit}".strip() + f", {row.where(value)}"


def _tick(tick: int) -> str:
    if tick == 0:
        return "0"
    return f"{'−' if tick < 0 else ''}{10 ** (abs(tick) - 1):,}"
