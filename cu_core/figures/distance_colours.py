"""Colours of cells by their distance to the reference: neutral inside its band, marked beyond it."""

from __future__ import annotations

import math

from cu_core.figures.theme import tint

BELOW, ABOVE = "#7B3294", "#008837"
"""Hues of numbers below and above the band (ends of PRGn of ColorBrewer, safe for the colour-blind)."""

STEPS: tuple[tuple[float, float], ...] = ((1.0, 0.18), (2.0, 0.34), (4.0, 0.5), (8.0, 0.66))
"""Distance in half widths of the band from which a cell is marked, and how strongly."""


def distance_colour(distance: float | None) -> str:
    """CSS colour of a cell's ground; empty within the band and where there is no distance.

    The scale is fixed: a cell means the same in every comparison, whatever the other runs are.

    Args:
        distance: signed, in half widths of the references' band.
    """
    if distance is None or math.isnan(distance) or abs(distance) <= STEPS[0][0]:
        return ""
    strength = max(opacity for start, opacity in STEPS if abs(distance) > start)
    return tint(ABOVE if distance > 0 else BELOW, strength)
