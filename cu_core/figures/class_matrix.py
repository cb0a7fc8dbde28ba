"""Confusion matrices before unlearning, after it and of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from cu_core.figures.cell_numbers import add_cell_numbers
from cu_core.figures.table_panes import BAR_ABOVE, short_bar, short_names, table_panes
from cu_core.figures.theme import class_name, dress, join, share_x_title

MOST_NUMBERS, MOST_NUMBERS_NARROW = 12, 6
"""Up to this many classes, cells carry their count; on a phone, cells of more have no room for one."""

# Steep at its low end: beside a cell of a hundred, cells of one and of forty are told apart.
_COUNT_COLOURS = [(share**2, sample_colorscale("Cividis", share)[0]) for share in (k / 12 for k in range(13))]


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
    panes: Sequence[Predictions],
    classes: Sequence[str],
    *,
    most: int,
    rows_title: str,
    hide_diagonal: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Counts by class and predicted class in one range of colours.

    Args:
        panes: from left to right, those of few rows or on a phone from top to bottom.
        classes: class names by label; numbers stand in for those that are missing.
        most: count at the end of the colours, see `highest_count`.
        rows_title: what the rows are, e.g. ``"True class"``.
        hide_diagonal: leave out correct predictions, so that confusions show.
        narrow: whether it is drawn on a phone.
    """
    size = max((len(pane.counts) for pane in panes), default=len(classes))
    names = [class_name(classes, label) for label in range(size)]
    # Runs that name no classes know only those that they have seen.
    seen = np.zeros(size)
    for pane in panes:
        seen[: len(pane.counts)] += pane.counts.sum(1)
    used = np.flatnonzero(seen)
    rows = [names[label] for label in used]
    labels = short_names(names, narrow=narrow)
    grid = table_panes([(pane.title, pane.kind) for pane in panes], len(rows), labels, narrow=narrow)
    figure = grid.figure
    for place, pane in zip(grid.places, panes, strict=True):
        counts = np.zeros((size, size))
        counts[: len(pane.counts), : len(pane.counts)] = _visible(pane.counts, hide_diagonal)
        counts = counts[used]
        counts[counts == 0] = np.nan
        heatmap = go.Heatmap(
            z=counts,
            x=names,
            y=rows,
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate=f"{pane.title}<br>class %{{y}}, predicted %{{x}}: %{{z:.0f}} samples<extra></extra>",
        )
        figure.add_trace(heatmap, **place)
    # Named and bounded here, since a pane without any count would lose its classes.
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names, range=[-0.5, len(names) - 0.5])
    known_as = dict(zip(names, labels, strict=True))
    figure.update_xaxes(showgrid=False, labelalias=known_as, **grid.across)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, labelalias=known_as)
    figure.update_yaxes(title_text=rows_title, **grid.titled)
    if len(names) <= MOST_NUMBERS:
        add_cell_numbers(figure, _COUNT_COLOURS, (0, most), ".0f")
    # Where cells carry their count, no bar has to explain their colours.
    barred = len(names) > (MOST_NUMBERS_NARROW if narrow else MOST_NUMBERS)
    figure.update_layout(
        coloraxis={
            "cmin": 0,
            "cmax": most,
            "colorscale": _COUNT_COLOURS,
            "showscale": barred,
            "colorbar": {"title": "Samples"} | short_bar(grid.height, narrow=narrow),
        }
    )
    share_x_title(figure, "Predicted class", below=30 + grid.below)
    bottom = 56 + grid.below
    top = BAR_ABOVE if narrow and barred else None
    return dress(figure, height=grid.height + bottom, bottom=bottom, top=top)


def prediction_alt(panes: Sequence[Predictions]) -> str:
    """How many predictions are right, in words."""
    parts = [f"{int(np.trace(p.counts))} of {int(p.counts.sum())} on the diagonal {p.title.lower()}" for p in panes]
    return f"Counts of samples by class and predicted class: {join(parts)}."


def _visible(counts: np.ndarray, hide_diagonal: bool) -> np.ndarray:
    return counts * (1 - np.eye(len(counts), dtype=counts.dtype)) if hide_diagonal else counts
