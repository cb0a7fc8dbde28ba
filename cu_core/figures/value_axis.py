"""The axis of a per-sample quantity: linear, or drawn apart where nearly all values lie in one place.

With a thousand classes the highest probability may be two hundredths for every sample, and a sure network says 0.99 or
more of nearly all: on an axis from 0 to 1 either is one bar. So ends follow the data of all rounds, and where values
crowd, equal steps are equal factors: of a loss (logarithmic), or of the odds of what has two ends (logit).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

BINS = 30
SMALLEST_LOSS = 1e-6
"""Left end of a logarithmic loss axis; smaller losses, zero included, count into the first bin."""

NEAREST_END = 1e-7
"""How near to its ends a share is told apart; 32-bit numbers tell no more below 1."""

CROWDED = 0.6
"""Share of the values of any one moment in a bin of a linear axis from which on values are drawn apart."""

BETTER = 0.9
"""What is left of that share where drawing apart helps; what is everywhere the same stays one bar on any axis."""

# Those that come first are kept where there is no room for all.
_TICKS: tuple[float, ...] = (0.5, 0.9, 0.1, 0.99, 0.01, 0.999, 1e-3, 0.9999, 1e-4, 0.99999, 1e-5, 0.999999, 1e-6)
_TICKS += (0.2, 0.8, 0.05, 0.95, 0.02, 0.98, 0.3, 0.7, 0.005, 0.995)
_ROOM = 0.2
"""Least distance of two ticks, as a share of the axis: three panes beside each other are narrow."""


@dataclass(frozen=True)
class ValueAxis:
    """Bins that all panes share, and how they are drawn.

    Attributes:
        edges: (bins + 1,) ascending, in the quantity's own unit.
        ends: smallest and largest possible value; None where the data decide. A logit axis is drawn between them.
    """

    edges: np.ndarray
    ends: tuple[float | None, float | None] = (0.0, None)

    @cached_property
    def scale(self) -> str:
        """``"linear"``, ``"log"`` or ``"logit"``: whatever has bins of equal width."""
        edges = np.asarray(self.edges, np.float64)
        if np.allclose(np.diff(edges), (edges[-1] - edges[0]) / (len(edges) - 1), rtol=1e-3):
            return "linear"
        steps = np.diff(np.log(edges)) if edges[0] > 0 else np.empty(0)
        return "log" if len(steps) and np.allclose(steps, steps.mean(), rtol=1e-3) else "logit"

    def title(self, text: str) -> str:
        """The title of the axis with its unit, and what is unusual about its scale."""
        words = {"log": "logarithmic", "logit": "logit scale, since values crowd"}.get(self.scale)
        if words is None:
            return text
        return f"{text[:-1]}, {words})" if text.endswith(")") else f"{text} ({words})"

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where values stand on the drawn axis; those beyond its ends stand at them."""
        inside = np.clip(np.asarray(values, np.float64), self.edges[0], self.edges[-1])
        return _log_odds(inside, *_whole(*self.ends)) if self.scale == "logit" else inside

    def layout(self) -> dict[str, Any]:
        """Type, range and ticks for Plotly."""
        low, high = (float(v) for v in self.place(self.edges[[0, -1]]))
        if self.scale == "linear":
            return {"type": "linear", "range": [low, high], "nticks": 5}
        if self.scale == "log":
            decades = np.log10(high / low)
            step = "D2" if decades < 2.5 else 1 if decades < 6 else 2
            ends = [float(np.log10(low)), float(np.log10(high))]
            return {"type": "log", "range": ends, "exponentformat": "power", "dtick": step}
        first, last = _whole(*self.ends)
        places: list[float] = []
        words: list[str] = []
        for value in [*(first + (last - first) * np.array(_TICKS)), *self.edges[[1, -2]]]:
            if len(places) > 1 and value in self.edges[[1, -2]]:
                # Only where no two round numbers lie, edges say where one is.
                break
            place = float(self.place(np.array([value]))[0])
            apart = min((abs(place - other) for other in places), default=np.inf)
            if self.edges[0] <= value <= self.edges[-1] and apart >= _ROOM * (high - low):
                places.append(place)
                words.append(f"{value:.7g}" if value > 0.99 else f"{value:.3g}")
        return {"type": "linear", "range": [low, high], "tickvals": places, "ticktext": words}


def common_edges(
    low: float | None, high: float | None, arrays: Iterable[np.ndarray], *, log: bool = False, bins: int = BINS
) -> np.ndarray:
    """Edges that suit every round, so that bins stay where they are: of equal width on the axis that shows most.

    Args:
        low: smallest possible value; None if it depends on the data.
        high: largest possible value; None if it depends on the data.
        arrays: the quantity in all rounds and references, of every group where groups are drawn.
        log: of equal width on a logarithmic axis, from `SMALLEST_LOSS` on.
        bins: how many.

    Returns:
        (bins + 1,) ascending edges; `ValueAxis` knows from them how they are drawn.
    """
    moments = [a[np.isfinite(a)] for a in (np.asarray(array, np.float64).ravel() for array in arrays)]
    values = np.concatenate([np.empty(0), *moments])
    if log:
        first = max(SMALLEST_LOSS, float(values[values > 0].min())) if (values > 0).any() else SMALLEST_LOSS
        last = high if high is not None else float(values.max()) if len(values) else 1.0
        return np.geomspace(first, max(last, first * 10), bins + 1)
    edges = _linear(low, high, values, bins)
    least, most = _whole(low, high)
    if high is None or not len(values) or values.min() < least or values.max() > most:
        return edges
    crowds = _tallest(moments, edges)
    if crowds.max() <= CROWDED:
        return edges
    odds = _log_odds(values, least, most)
    apart = least + (most - least) / (1 + 10 ** -np.linspace(odds.min(), odds.max(), bins + 1))
    if (np.diff(apart) <= 0).any():
        return edges
    helped = (crowds > CROWDED) & (_tallest(moments, apart) < BETTER * crowds)
    return apart if helped.any() else edges


def _tallest(moments: Iterable[np.ndarray], edges: np.ndarray) -> np.ndarray:
    """(m,) the largest share of the values of each moment in one bin."""
    counts = [(np.histogram(np.clip(own, edges[0], edges[-1]), edges)[0], len(own)) for own in moments if len(own)]
    return np.array([count.max() / total for count, total in counts])


def _whole(low: float | None, high: float | None) -> tuple[float, float]:
    """Ends of a quantity; a cosine whose lower end depends on the data reaches down to -1."""
    return (-1.0 if low is None else low), (1.0 if high is None else high)


def _log_odds(values: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((values - low) / (high - low), NEAREST_END, 1 - NEAREST_END)
    odds: np.ndarray = np.log10(share / (1 - share))
    return odds


def _linear(low: float | None, high: float | None, values: np.ndarray, bins: int) -> np.ndarray:
    """Edges between the ends that are known, or where the data end well before them."""
    if not len(values):
        first, last = 0.0 if low is None else low, 1.0 if high is None else high
    else:
        least, most = float(values.min()), float(values.max())
        room = 0.02 * (most - least)
        if low is None:
            low = float(np.floor(least * 10) / 10)
        whole = (most if high is None else high) - low
        # A known end is kept while the data reach at least half of the way to it.
        narrow = high is not None and 0 < most - least < 0.5 * whole
        first = max(low, least - room) if narrow else low
        last = min(high, most + room) if narrow and high is not None else most if high is None else high
    # A span that rounding swallows makes no bins.
    return np.linspace(first, last if last - first > 1e-9 else first + 1.0, bins + 1)
