"""The round slider of a figure, which works in the browser alone."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from cu_core.figures.theme import GRID, NEUTRAL, tint

FRAME_MS = 700
"""How long playback rests on a round."""


def add_scrubber(figure: go.Figure, numbers: Sequence[int], first: int) -> None:
    """Adds a slider over the figure's frames, which are named by their round, with buttons to play and pause.

    Args:
        figure: changed in place; needs about 120 px below its panes.
        numbers: of the rounds, in ascending order.
        first: number of the round that the figure shows without a frame.
    """
    # Without a redraw the WebGL canvas keeps showing the old round although slider and data moved on.
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    play = jump | {"fromcurrent": True, "frame": {"duration": FRAME_MS, "redraw": True}}
    figure.update_layout(
        sliders=[
            {
                "active": numbers.index(first),
                "currentvalue": {"prefix": "Round shown in the second pane: "},
                "pad": {"t": 56, "b": 0},
                "x": 0.16,
                "len": 0.84,
                "y": 0,
                "bgcolor": tint(NEUTRAL, 0.35),
                "activebgcolor": NEUTRAL,
                "bordercolor": GRID,
                "tickcolor": NEUTRAL,
                "transition": {"duration": 0},
                "steps": [{"label": str(k), "method": "animate", "args": [[str(k)], jump]} for k in numbers],
            }
        ],
        updatemenus=[
            {
                "type": "buttons",
                "direction": "right",
                "showactive": False,
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 62, "l": 0},
                "bgcolor": "rgba(0,0,0,0)",
                "bordercolor": NEUTRAL,
                # Plotly paints a pointed-at button nearly white on any theme; grey stays readable on both.
                "font": {"color": "#7D828B"},
                "buttons": [
                    {"label": "Play", "method": "animate", "args": [None, play]},
                    {"label": "Pause", "method": "animate", "args": [[None], jump]},
                ],
            }
        ],
    )
