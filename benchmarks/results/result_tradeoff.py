"""Picture of the trade-off: utility lost against distance to retraining, single seeds and bars over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from benchmarks.pictures import SIZE, Panes
from benchmarks.results.method_tables import task_title
from benchmarks.results.result_lines import Line, lines_of

# Core methods stand out; the others by which retain samples they read.
COLOURS = {"none": "#d55e00", "part": "#cc79a7", "all": "#0072b2"}
WORDS = {"none": "reads no retain sample", "part": "a part of them", "all": "all of them"}
CORE_COLOUR = "#009e73"
CORE_TITLES = {"contrastive": "contrastive unlearning", "gradient_penalty": "gradient penalty"}
NAMED = 1
"""Nearest methods of a pane that are named in it: more of them lie so near each other that names overprint."""


def tradeoff(kept: Mapping[str, Any]) -> go.Figure:
    """One pane per forget set: unseen accuracy beside the references (x) against distance to them (y, logarithmic).

    Forget sets of which no distance is known have none.

    Args:
        kept: as `benchmarks.results.kept_numbers.read_kept` gives it.
    """
    study = kept["study"]
    lines_in = {
        task: [line for line in lines_of(kept["methods"], study["model"], task) if line.mean("distance") is not None]
        for task in study["tasks"]
    }
    shown = {task: lines for task, lines in lines_in.items() if lines} or lines_in
    drawn = Panes([task_title(task) for task in shown], spacing=0.06)
    for column, (task, lines) in enumerate(shown.items(), start=1):
        utility = "unseen_others" if task.startswith("class") else "unseen"
        reached = [x for line in lines for x, _ in points(line, utility)] or [0.0]
        for place, line in enumerate(lines):
            named = place < NAMED or line.method in CORE_TITLES
            _draw(drawn, column, line, utility, named=named, middle=(min(reached) + max(reached)) / 2)
        # Within 1 a model could be one more reference.
        drawn.figure.add_hline(1, line_dash="dash", line_color="#666", row=1, col=column)
    drawn.figure.update_xaxes(title_text="unseen accuracy beside retraining (points)")
    drawn.figure.update_yaxes(type="log")
    drawn.figure.update_yaxes(title_text="distance to retraining (half widths)", col=1)
    drawn.figure.update_layout(**SIZE)
    return drawn.figure


def points(line: Line, utility: str) -> list[tuple[float, float]]:
    """(x, y) of the runs of a line that have both numbers."""
    return [
        (100 * (row[utility] - row[f"{utility}_ref"]), row["distance"])
        for row in line.done
        if row.get(utility) is not None and row.get(f"{utility}_ref") is not None and row.get("distance") is not None
    ]


def _draw(drawn: Panes, column: int, line: Line, utility: str, *, named: bool, middle: float) -> None:
    found = points(line, utility)
    if not found:
        return
    core = line.method in CORE_TITLES
    colour = CORE_COLOUR if core else COLOURS[line.retain_data]
    name = CORE_TITLES.get(line.method, WORDS[line.retain_data])
    xs, ys = zip(*found, strict=True)
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    drawn.line(
        column, f"{name}, a seed", x=xs, y=ys, mode="markers", marker={"color": colour, "size": 4, "opacity": 0.5}
    )
    drawn.line(
        column,
        name,
        x=[x],
        y=[y],
        mode="markers+text" if named else "markers",
        text=[line.title] if named else None,
        # Into the pane, and below the nearest ones, above which others lie.
        textposition="bottom right" if x < middle else "top left" if core else "bottom left",
        marker={"color": colour, "size": 11 if core else 8, "symbol": "diamond" if core else "circle"},
        error_x=_bar(xs, x, colour),
        error_y=_bar(ys, y, colour),
    )


def _bar(values: tuple[float, ...], middle: float, colour: str) -> dict[str, Any]:
    """From the lowest to the highest seed."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(values) - middle],
        "arrayminus": [middle - min(values)],
        "color": colour,
        "thickness": 1,
    }
