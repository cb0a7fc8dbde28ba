"""Confusion matrices before unlearning, after it and of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from cu_core.figures.theme import class_name, dress, join, pane_title, share_x_title

MOST_NUMBERS = 12
"""Up to this many classes, cells carry their count."""

# Steep at its low end: beside a cell of a hundred, cells of one and of forty are told apart.
_COUNT_COLOURS = [[share**2, sample_colorscale("Cividis", share)[0]] for share in (k / 12 for k in range(13))]

ROW, LEAST_ROWS = 28, 2
"""Px of a row, and rows that a table takes at least: one class alone is not stretched, and its ticks have room."""


@dataclass(frozen=True)
class Predictions:
    """One pane of the matrix.

    Attributes:
        title: above the pane.
        counts: (C, C) samples by class (row) and predicted class (column).
        kind: ``"before"``, ``"round"`` or ``"reference"``.
    """

    title: str
    counts: np.ndarray
    kind: str = "round"


def count_predictions(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(C, C) int64 counts by class and predicted class; predictions outside 0..C-1 are left out."""
    inside = (predicted >= 0) & (predicted < classes)
    flat = true[inside].astype(np.int64) * classes + predicted[inside].astype(np.int64)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def highest_count(counts: Sequence[np.ndarray], *, hide_diagonal: bool) -> int:
    """The largest cell over several matrices: a common end for the colours."""
    return int(max((_visible(c, hide_diagonal).max(initial=0) for c in counts), default=0)) or 1


def prediction_matrix(
    panes: Sequence[Predictions], classes: Sequence[str], *, most: int, rows_title: str, hide_diagonal: bool = False
) -> go.Figure:
    """Counts by class and predicted class, panes side by side in one range of colours.

    Args:
        panes: from left to right.
        classes: class names by label; numbers stand in for those that are missing.
        most: count at the end of the colours, see `highest_count`.
        rows_title: what the rows are, e.g. ``"True class"``.
        hide_diagonal: leave out correct predictions, so that confusions show.
    """
    size = max((len(pane.counts) for pane in panes), default=len(classes))
    names = [class_name(classes, label) for label in range(size)]
    # Runs that name no classes know only those that they have seen.
    seen = np.zeros(size)
    for pane in panes:
        seen[: len(pane.counts)] += pane.counts.sum(1)
    used = np.flatnonzero(seen)
    rows = [names[label] for label in used]
    figure = make_subplots(
        rows=1,
        cols=max(1, len(panes)),
        shared_yaxes=True,
        column_titles=[pane_title(p.title, p.kind) for p in panes],
        horizontal_spacing=0.03,
    )
    for column, pane in enumerate(panes, start=1):
        counts = np.zeros((size, size))
        counts[: len(pane.counts), : len(pane.counts)] = _visible(pane.counts, hide_diagonal)
        counts = counts[used]
        counts[counts == 0] = np.nan
        heatmap = go.Heatmap(
            z=counts,
            x=names,
            y=rows,
            coloraxis="coloraxis",
            texttemplate="%{z:.0f}" if len(names) <= MOST_NUMBERS else None,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate=f"{pane.title}<br>class %{{y}}, predicted %{{x}}: %{{z:.0f}} samples<extra></extra>",
        )
        figure.add_trace(heatmap, row=1, col=column)
    # Named and bounded here, since a pane without any count would lose its classes.
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names, range=[-0.5, len(names) - 0.5])
    angle = tick_angle(names)
    figure.update_xaxes(showgrid=False, tickangle=angle)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    figure.update_yaxes(title_text=rows_title, col=1)
    figure.update_layout(
        coloraxis={
            "cmin": 0,
            "cmax": most,
            "colorscale": _COUNT_COLOURS,
            # Where cells carry their count, no bar has to explain their colours.
            "showscale": len(names) > MOST_NUMBERS,
            "colorbar": {"title": "Samples"} | short_bar(len(rows)),
        }
    )
    longest = max((len(name) for name in names), default=1)
    slant = 0 if angle == 0 else min(6 * longest, 120)
    share_x_title(figure, "Predicted class", below=30 + slant)
    return dress(figure, height=table_height(len(rows)) + 56 + slant, bottom=56 + slant)


def prediction_alt(panes: Sequence[Predictions]) -> str:
    """How many predictions are right, in words."""
    parts = [f"{int(np.trace(p.counts))} of {int(p.counts.sum())} on the diagonal {p.title.lower()}" for p in panes]
    return f"Counts of samples by class and predicted class: {join(parts)}."


def _visible(counts: np.ndarray, hide_diagonal: bool) -> np.ndarray:
    return counts * (1 - np.eye(len(counts), dtype=counts.dtype)) if hide_diagonal else counts


def table_height(rows: int) -> int:
    """Px of a table with this many rows: each the same, until the table would leave the screen."""
    return min(ROW * max(rows, LEAST_ROWS), 520)


def short_bar(rows: int) -> dict[str, object]:
    """A bar of colours beside a table: never so short that its numbers cover each other."""
    return {"thickness": 12, "lenmode": "pixels", "len": max(table_height(rows), 130), "y": 1, "yanchor": "top"}


def tick_angle(names: Sequence[str]) -> int:
    """Degrees by which names below columns are turned."""
    return 0 if max((len(name) for name in names), default=1) <= 2 else -45
