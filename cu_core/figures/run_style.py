"""Colour, marker and dash per run of a comparison, distinguishable also without colour."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.figures.theme import RUN_COLOURS, RUN_DASHES

RUN_SYMBOLS: tuple[str, ...] = ("circle", "triangle-up", "pentagon", "star", "triangle-down", "hexagram")
"""Marker shapes of runs; none is a group's (`cu_core.figures.theme.SYMBOLS`) but the circle, which needs no group."""


@dataclass(frozen=True)
class RunStyle:
    """How one line of a comparison is drawn.

    Attributes:
        colour: hex.
        symbol: of its markers.
        dash: of its line.
    """

    colour: str
    symbol: str
    dash: str


def run_style(index: int) -> RunStyle:
    """Style of the line at an index of the comparison.

    Colours turn faster than shapes and dashes, so that a style repeats only after as many lines as there are pairs of
    colour and shape.

    Args:
        index: 0, 1, …
    """
    turn = index // len(RUN_COLOURS)
    return RunStyle(
        RUN_COLOURS[index % len(RUN_COLOURS)],
        RUN_SYMBOLS[(index + turn) % len(RUN_SYMBOLS)],
        RUN_DASHES[(index + turn) % len(RUN_DASHES)],
    )
