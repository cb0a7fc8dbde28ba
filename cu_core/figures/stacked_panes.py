"""Panes one below the other, each as wide as the chart: how a phone shows what stands side by side elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.theme import pane_title

TITLE_PX = 32
"""Px between two panes, for the title of the lower one."""


def stacked_panes(titles: Sequence[tuple[str, str]], height: int) -> go.Figure:
    """An empty figure with a pane for each title; all have the same axes, and only the lowest says what is across.

    Args:
        titles: title and kind of each pane, as `cu_core.figures.theme.pane_title` takes them.
        height: px of a pane. That of all with the titles between them is the figure's.
    """
    count = max(1, len(titles))
    whole = count * height + (count - 1) * TITLE_PX
    # Here a title has a line of its own.
    words = [pane_title(title, kind).replace("<br>", " ") for title, kind in titles]
    figure = make_subplots(
        rows=count,
        cols=1,
        shared_xaxes=True,
        shared_yaxes="all",
        subplot_titles=words or None,
        vertical_spacing=TITLE_PX / whole if count > 1 else None,
    )
    return figure.update_layout(height=whole)


def name_middle(figure: go.Figure, text: str) -> None:
    """Writes the title of the axis upward at the pane in the middle: one for all, as all say the same.

    Args:
        figure: of `stacked_panes`, changed in place.
        text: of the title.
    """
    panes = len(list(figure.select_yaxes()))
    figure.update_yaxes(title_text=text, row=(panes + 1) // 2, col=1)
