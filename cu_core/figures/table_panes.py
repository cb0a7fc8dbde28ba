"""Tables of colours side by side, or one below the other where they have few rows; rows are never stretched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.theme import pane_title

ROW, LEAST_ROWS = 28, 2
"""Px of a row, and rows that tables side by side take at least: one class alone has room for its title, too."""

MOST_STACKED = 2
"""Up to this many rows, tables stand one below the other, where each has the whole width: on a phone, too."""

TITLE_PX = 34
"""Px between tables that stand one below the other, for the title of the lower one."""


@dataclass(frozen=True)
class TablePanes:
    """An empty figure with panes for tables of the same rows and columns.

    Attributes:
        figure: to fill.
        places: row and column of each pane in the figure, as ``add_trace`` takes them.
        titled: place of the pane whose axis of rows carries the title.
        height: px of all panes with the titles between them.
    """

    figure: go.Figure
    places: list[dict[str, int]]
    titled: dict[str, int]
    height: int


def table_panes(titles: Sequence[tuple[str, str]], rows: int) -> TablePanes:
    """The panes for tables with so many rows each.

    Args:
        titles: title and kind of each table, as `cu_core.figures.theme.pane_title` takes them.
        rows: of each table.
    """
    words = [pane_title(title, kind) for title, kind in titles]
    stacked = len(words) > 1 and rows <= MOST_STACKED
    height = table_height(rows)
    if stacked:
        words = [title.replace("<br>", " ") for title in words]
        height = len(words) * ROW * rows + (len(words) - 1) * TITLE_PX
    down, across = (len(words), 1) if stacked else (1, max(len(words), 1))
    figure = make_subplots(
        rows=down,
        cols=across,
        shared_xaxes=stacked,
        shared_yaxes=not stacked,
        subplot_titles=words or None,
        horizontal_spacing=0.03,
        vertical_spacing=TITLE_PX / height,
    )
    places = [{"row": 1 + k // across, "col": 1 + k % across} for k in range(len(words))]
    return TablePanes(figure, places, {"row": (down + 1) // 2, "col": 1}, height)


def table_height(rows: int) -> int:
    """Px of a table with this many rows: each the same, until the table would leave the screen."""
    return min(ROW * max(rows, LEAST_ROWS), 520)


def short_bar(height: int) -> dict[str, Any]:
    """A bar of colours beside tables of this height: never so short that its numbers cover each other."""
    return {"thickness": 12, "lenmode": "pixels", "len": max(height, 130), "y": 1, "yanchor": "top"}


def tick_angle(names: Sequence[str]) -> int:
    """Degrees by which names below columns are turned."""
    return 0 if max((len(name) for name in names), default=1) <= 2 else -45


def slant(names: Sequence[str]) -> int:
    """Px that names below columns take beyond a line when they are turned."""
    return 0 if tick_angle(names) == 0 else min(6 * max(map(len, names)), 120)
