"""Tables of colours side by side, or one below the other: of few rows and on a phone. Rows are never stretched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.base.display_text import cut
from cu_core.figures.theme import pane_title

ROW, LEAST_ROWS = 28, 2
"""Px of a row, and rows that tables side by side take at least: one class alone has room for its title, too."""

MOST_STACKED = 2
"""Up to this many rows, tables stand one below the other, where each has the whole width: on a phone, too."""

TITLE_PX = 34
"""Px between tables that stand one below the other, for the title of the lower one."""

NARROW_ROW = 20
"""Px of a row on a phone, where all tables stand one below the other."""

MOST_NARROW = 12
"""Columns for whose names a phone has room."""

BAR_ABOVE = 96
"""Px above the tables on a phone: the bar of their colours with its title and numbers, and the first table's title."""

ROOM, ROOM_NARROW = 730, 220
"""Px for the columns of all tables side by side, beside the sidebar of a small laptop and on a phone."""

LETTER, LINE = 7, 13
"""Px of a letter of a name and of a line of text."""

LONGEST, LONGEST_NARROW = 20, 14
"""Letters of a name beside or below a table, and on a phone; the whole name appears under the pointer."""


@dataclass(frozen=True)
class TablePanes:
    """An empty figure with panes for tables of the same rows and columns.

    Attributes:
        figure: to fill.
        places: row and column of each pane in the figure, as ``add_trace`` takes them.
        titled: place of the pane whose axis of rows carries the title.
        height: px of all panes with what stands between them.
        across: the axes below columns, as Plotly takes them, for names that never cover each other.
        below: px that the names of columns take beyond a line.
    """

    figure: go.Figure
    places: list[dict[str, int]]
    titled: dict[str, int]
    height: int
    across: dict[str, Any]
    below: int


def table_panes(
    titles: Sequence[tuple[str, str]], rows: int, columns: Sequence[str], *, narrow: bool = False
) -> TablePanes:
    """The panes for tables with so many rows each and the same columns.

    Args:
        titles: title and kind of each table, as `cu_core.figures.theme.pane_title` takes them.
        rows: of each table.
        columns: their names, see `short_names`.
        narrow: whether it is drawn on a phone.
    """
    words = [pane_title(title, kind) for title, kind in titles]
    stacked = len(words) > 1 and (narrow or rows <= MOST_STACKED)
    angle = tick_angle(columns, 1 if stacked else max(len(words), 1), narrow=narrow)
    below = slant(columns, angle)
    height, gap = table_height(rows), TITLE_PX
    # Names below the lowest table alone would be far from the first one, where tables are high.
    each_named = stacked and rows > MOST_STACKED
    if stacked:
        words = [title.replace("<br>", " ") for title in words]
        gap += (below + LINE + 8) * each_named
        height = len(words) * (NARROW_ROW if each_named else ROW) * rows + (len(words) - 1) * gap
    down, across = (len(words), 1) if stacked else (1, max(len(words), 1))
    figure = make_subplots(
        rows=down,
        cols=across,
        shared_xaxes=stacked and not each_named,
        shared_yaxes=not stacked,
        subplot_titles=words or None,
        horizontal_spacing=0.03,
        vertical_spacing=gap / height,
    )
    places = [{"row": 1 + k // across, "col": 1 + k % across} for k in range(len(words))]
    return TablePanes(figure, places, {"row": (down + 1) // 2, "col": 1}, height, turned(angle), below)


def table_height(rows: int) -> int:
    """Px of a table with this many rows: each the same, until the table would leave the screen."""
    return min(ROW * max(rows, LEAST_ROWS), 520)


def short_bar(height: int, *, narrow: bool = False) -> dict[str, Any]:
    """A bar of colours beside tables of this height, on a phone above them: its numbers never cover each other."""
    if narrow:
        above = {"orientation": "h", "yref": "container", "y": 1, "yanchor": "top", "x": 0, "xanchor": "left"}
        return above | {"thickness": 10, "len": 1}
    return {"thickness": 12, "lenmode": "pixels", "len": max(height, 130), "y": 1, "yanchor": "top"}


def short_names(names: Sequence[str], *, narrow: bool = False) -> list[str]:
    """Names as there is room for them beside and below a table."""
    return [cut(name, LONGEST_NARROW if narrow else LONGEST) for name in names]


def tick_angle(names: Sequence[str], tables: int = 1, *, narrow: bool = False) -> int:
    """Degrees by which names below columns are turned, so that none covers the next.

    Args:
        names: of the columns of one table.
        tables: how many stand side by side.
        narrow: whether they are drawn on a phone.
    """
    each = (ROOM_NARROW if narrow else ROOM) / max(1, len(names) * tables)
    if LETTER * (1 + max(map(len, names), default=0)) <= each:
        return 0
    return -45 if each * math.sqrt(0.5) >= LINE else -90


def turned(angle: int) -> dict[str, Any]:
    """The axis below columns whose names are turned by an angle of `tick_angle`, as Plotly takes it."""
    # Upright names have room where Plotly, which reckons with more than a line, would leave out every other one.
    return {"tickangle": angle} | ({"tick0": 0, "dtick": 1} if angle == -90 else {})


def slant(names: Sequence[str], angle: int) -> int:
    """Px that names below columns take beyond a line when they are turned by an angle of `tick_angle`."""
    if angle == 0:
        return 0
    longest = max(map(len, names))
    return min(6 * longest, 120) if angle == -45 else max(LETTER * longest - LINE, 0)
