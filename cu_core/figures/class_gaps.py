"""Figure of accuracy gaps to the retrained model, class by class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cu_core.figures.cell_numbers import add_cell_numbers
from cu_core.figures.class_ranking import MOST_CLASSES
from cu_core.figures.table_panes import short_bar, slant, tick_angle
from cu_core.figures.theme import class_name, dress, join

MOST_NUMBERS = 14
"""Up to this many classes, cells carry their number."""

ROW = 30
"""Px of a line."""

END = 20.0
"""Points at which the colours are full. Fixed, so that a class that was not forgotten does not wash out the others."""

# Purple below the reference, green above it; both ends stand out on light and dark ground, the middle is the ground.
BELOW, MIDDLE, ABOVE = "rgb(123, 50, 148)", "rgba(138, 143, 152, 0.12)", "rgb(0, 136, 55)"
"""Ends of the diverging scale (PRGn of ColorBrewer, safe for the colour-blind)."""

_COLOURS = [(0.0, BELOW), (0.5, MIDDLE), (1.0, ABOVE)]


@dataclass(frozen=True)
class ClassGaps:
    """One line of the picture.

    Attributes:
        label: of the line.
        gaps: (C,) accuracy after minus that of the references, -1..1; NaN where either has no sample of the class.
        counts: (C,) samples behind each; of several runs the fewest.
    """

    label: str
    gaps: np.ndarray
    counts: np.ndarray


def class_accuracy(label: np.ndarray, predicted: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy on each class.

    Args:
        label: (n,) classes.
        predicted: (n,) predicted classes.
        classes: C.

    Returns:
        (C,) accuracies, NaN for classes without samples, and (C,) counts.
    """
    counts = np.bincount(label, minlength=classes)[:classes]
    right = np.bincount(label[label == predicted], minlength=classes)[:classes]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, right / counts, np.nan), counts


def class_gaps(lines: Sequence[ClassGaps], classes: Sequence[str], *, forgotten: Sequence[int] = ()) -> go.Figure:
    """One row per line, one column per class, coloured around the reference.

    Args:
        lines: from top to bottom.
        classes: class names by label; numbers stand in for those that are missing.
        forgotten: labels of forgotten classes, which are marked.
    """
    used = drawn_classes(lines, forgotten)
    z = np.array([[line.gaps[c] * 100 if c < len(line.gaps) else np.nan for c in used] for line in lines])
    n = np.array([[line.counts[c] if c < len(line.counts) else 0 for c in used] for line in lines])
    names = [f"<b>{class_name(classes, c)} (forgotten)</b>" if c in forgotten else class_name(classes, c) for c in used]
    # Labels of axes tell samples of a class alike in all lines; where they differ only hovering does.
    alike = len(lines) > 0 and all((n == n[0]).all(axis=0)) if n.size else False
    ticks = [f"{name}, n = {n[0][k]:,}" for k, name in enumerate(names)] if alike else names
    figure = go.Figure(
        go.Heatmap(
            z=z,
            x=ticks,
            y=[line.label for line in lines],
            customdata=n,
            zmin=-END,
            zmax=END,
            colorscale=_COLOURS,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate="%{y}<br>class %{x}: %{z:+.1f} points, n = %{customdata:,}<extra></extra>",
            colorbar={"title": "points"} | short_bar(ROW * len(lines)),
        )
    )
    words = [re.sub("<.*?>", "", tick) for tick in ticks]
    angle = tick_angle(words)
    figure.update_xaxes(type="category", showgrid=False, title_text="Class", tickangle=angle)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    if len(used) <= MOST_NUMBERS:
        add_cell_numbers(figure, _COLOURS, (-END, END), "+.0f")
    bottom = 64 + slant(words, angle)
    return dress(figure, height=max(60, ROW * len(lines)) + bottom, top=16, bottom=bottom)


def drawn_classes(lines: Sequence[ClassGaps], forgotten: Sequence[int] = ()) -> list[int]:
    """Labels of the columns: all classes with samples, or of many those with the largest gaps and the forgotten ones.

    Args:
        lines: of the picture.
        forgotten: labels that are kept in any case, as far as there is room.
    """
    size = max((len(line.gaps) for line in lines), default=0)
    gaps = np.zeros((max(len(lines), 1), size))
    known = np.zeros(size, bool)
    for row, line in enumerate(lines):
        gaps[row, : len(line.gaps)] = np.nan_to_num(np.abs(line.gaps))
        known[: len(line.counts)] |= np.asarray(line.counts) > 0
    largest = gaps.max(0, initial=0.0)
    largest[[label for label in forgotten if label < size]] += 2
    order = [int(label) for label in np.argsort(-largest, kind="stable") if known[label]]
    return sorted(order[:MOST_CLASSES])


def left_out_gaps(lines: Sequence[ClassGaps]) -> str:
    """How many classes are drawn of many, as a sentence that begins with a space; empty where all are."""
    known = {label for line in lines for label in np.flatnonzero(line.counts)}
    if len(known) <= MOST_CLASSES:
        return ""
    return f" Drawn are the {MOST_CLASSES} of {len(known):,} classes with the largest gaps, forgotten ones first."


def class_gaps_alt(lines: Sequence[ClassGaps], classes: Sequence[str]) -> str:
    """The largest gap of each line in words."""
    parts = []
    for line in lines:
        if np.isfinite(line.gaps).any():
            worst = int(np.nanargmax(np.abs(line.gaps)))
            parts.append(f"{line.label} {100 * line.gaps[worst]:+.0f} points on {class_name(classes, worst)}")
    return f"Largest differences from retraining: {join(parts)}." if parts else "No run has a reference."
