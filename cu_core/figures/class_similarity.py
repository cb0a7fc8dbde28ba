"""Heat maps of mean cosine similarity between forgotten and retained classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from cu_core.figures.cell_numbers import add_cell_numbers
from cu_core.figures.class_matrix import MOST_NUMBERS
from cu_core.figures.class_ranking import MOST_CLASSES
from cu_core.figures.table_panes import (
    BAR_ABOVE,
    MOST_NARROW,
    short_bar,
    short_names,
    table_panes,
)
from cu_core.figures.theme import class_name, dress, join, share_x_title

_COLOURS = [(share, sample_colorscale("Cividis", share)[0]) for share in (k / 12 for k in range(13))]


@dataclass(frozen=True)
class Similarities:
    """One pane of the matrix.

    Attributes:
        title: above the pane.
        cosine: (C, C) mean cosine between a class of the chosen samples (row) and a retained class (column); NaN
            where one has no sample.
        kind: ``"before"``, ``"round"`` or ``"reference"``.
    """

    title: str
    cosine: np.ndarray
    kind: str = "round"


def common_range(matrices: Iterable[np.ndarray]) -> tuple[float, float]:
    """Ends of the colours for several matrices, rounded outward to tenths; -1 to 1 without any value."""
    values = np.concatenate([np.empty(0), *(m[np.isfinite(m)] for m in matrices)])
    if not len(values):
        return -1.0, 1.0
    low, high = np.floor(values.min() * 10) / 10, np.ceil(values.max() * 10) / 10
    return float(low), float(high if high > low else low + 0.1)


def similarity_matrix(
    panes: Sequence[Similarities],
    classes: Sequence[str],
    *,
    ends: tuple[float, float],
    rows_title: str,
    narrow: bool = False,
) -> go.Figure:
    """Mean cosines by class and retained class in one range of colours, the own class framed.

    Args:
        panes: from left to right, those of few rows or on a phone from top to bottom; all (C, C).
        classes: class names by label; numbers stand in for those that are missing.
        ends: lowest and highest cosine of the colours, see `common_range`.
        rows_title: what the rows are, e.g. ``"Forget class"``.
        narrow: whether it is drawn on a phone.
    """
    rows, columns = shown_classes([pane.cosine for pane in panes], narrow=narrow)
    names = {int(label): class_name(classes, int(label)) for label in {*rows, *columns}}
    labels = short_names([names[int(label)] for label in columns], narrow=narrow)
    grid = table_panes([(pane.title, pane.kind) for pane in panes], len(rows), labels, narrow=narrow)
    figure = grid.figure
    for place, pane in zip(grid.places, panes, strict=True):
        heatmap = go.Heatmap(
            z=pane.cosine[np.ix_(rows, columns)],
            # Places instead of names, because two classes may be called the same.
            x=np.arange(len(columns)),
            y=np.arange(len(rows)),
            coloraxis="coloraxis",
            customdata=[[[names[int(r)], names[int(c)]] for c in columns] for r in rows],
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate=f"{pane.title}<br>class %{{customdata[0]}} and retained class %{{customdata[1]}}: "
            "mean cosine %{z:.3f}<extra></extra>",
        )
        figure.add_trace(heatmap, **place)
        for row, label in enumerate(rows):
            for column in np.flatnonzero(columns == label):
                figure.add_shape(_frame(row, int(column)), **place)
    # Names of categories are thinned out where there is no room for all of them, given ones are not.
    figure.update_xaxes(
        type="category",
        labelalias={str(column): label for column, label in enumerate(labels)},
        range=[-0.5, len(columns) - 0.5],
        showgrid=False,
        **grid.across,
    )
    figure.update_yaxes(
        tickvals=np.arange(len(rows)),
        ticktext=short_names([names[int(r)] for r in rows], narrow=narrow),
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_yaxes(title_text=rows_title, **grid.titled)
    if len(columns) <= MOST_NUMBERS:
        add_cell_numbers(figure, _COLOURS, ends, ".2f")
    figure.update_layout(
        coloraxis={
            "cmin": ends[0],
            "cmax": ends[1],
            "colorscale": _COLOURS,
            "colorbar": {"title": "Mean cosine" if narrow else "Mean<br>cosine"}
            | short_bar(grid.height, narrow=narrow),
        }
    )
    share_x_title(figure, "Retained class", below=30 + grid.below)
    bottom = 56 + grid.below
    return dress(figure, height=grid.height + bottom, bottom=bottom, top=BAR_ABOVE if narrow else None)


def shown_classes(matrices: Sequence[np.ndarray], *, narrow: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that are drawn: all known ones, or of many those that are most alike in any of the panes.

    Args:
        matrices: (C, C) mean cosines, NaN where a class has no sample.
        narrow: whether they are drawn on a phone.

    Returns:
        Ascending labels of at most `MOST_CLASSES` rows and columns, on a phone `MOST_NARROW` columns.
    """
    known = np.any([np.isfinite(cosine) for cosine in matrices], axis=0)
    alike = np.max([np.nan_to_num(cosine, nan=-2.0) for cosine in matrices], axis=0)
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    rows = _most_alike(rows, alike[np.ix_(rows, columns)].max(1, initial=-2.0))
    most = MOST_NARROW if narrow else MOST_CLASSES
    return rows, _most_alike(columns, alike[np.ix_(rows, columns)].max(0, initial=-2.0), most)


def left_out_words(matrices: Sequence[np.ndarray], *, narrow: bool = False) -> str:
    """How many of the classes are drawn, as a sentence that begins with a space; empty where all are."""
    known = np.any([np.isfinite(cosine) for cosine in matrices], axis=0)
    rows, columns = shown_classes(matrices, narrow=narrow)
    every = int(known.any(1).sum()), int(known.any(0).sum())
    if (len(rows), len(columns)) == every:
        return ""
    left_out = [
        f"{len(drawn):,} of {count:,} {name}"
        for drawn, count, name in (
            (rows, every[0], "classes as rows"),
            (columns, every[1], "retained classes as columns"),
        )
        if len(drawn) < count
    ]
    return f" Drawn are the most alike of many: {join(left_out)}."


def _most_alike(labels: np.ndarray, alike: np.ndarray, most: int = MOST_CLASSES) -> np.ndarray:
    return np.sort(labels[np.argsort(-alike, kind="stable")[:most]])


def similarity_matrix_alt(panes: Sequence[Similarities]) -> str:
    """Mean cosine to the own class and to the most similar other one, in words."""
    parts = []
    for pane in panes:
        own = np.diag(pane.cosine)
        others = np.where(np.eye(len(own), dtype=bool), np.nan, pane.cosine)
        words = [
            f"{np.nanmean(values):.2f} {name}"
            for name, values in (("with the own class", own), ("with other classes", others))
            if np.isfinite(values).any()
        ]
        if words:
            parts.append(f"{pane.title.lower()} {join(words)}")
    return f"Mean cosine by class and retained class: {'; '.join(parts) or 'none recorded'}."


def _frame(row: int, column: int) -> dict[str, object]:
    """A frame around the cell of the own class, in a colour that the colour scale does not have."""
    return {
        "type": "rect",
        "x0": column - 0.46,
        "x1": column + 0.46,
        "y0": row - 0.46,
        "y1": row + 0.46,
        "line": {"color": "#D55E00", "width": 2},
    }
