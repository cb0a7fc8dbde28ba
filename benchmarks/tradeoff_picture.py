"""Draws what sweeps of gradient-penalty unlearning found: accuracy lost against what attacks still find out.

    .venv/bin/python -m benchmarks.tradeoff_picture --out docs/pictures/penalty-tradeoff.png \\
        "Digits, classifier:confidence:digits.csv" "CIFAR-10, encoder:encoder_mi_t:encoder.csv"

One pane per argument TITLE:ATTACK:CSV, with the files that ``benchmarks.penalty_sweep`` writes. Needs the headless
Chromium of the browser tests.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from benchmarks.pictures import SIZE, Panes, write_png

SETTINGS = ("method", "variant", "batch_norm", "alpha", "beta", "gamma", "lr", "batch_size")
COLOURS = {"eval": "#0072b2", "train": "#d55e00"}
SYMBOLS = {"zero_centered": "circle", "two_sided": "square", "linear": "diamond"}
# Accuracy lost that the axis shows; settings that ruin a model would squeeze all others.
MOST_LOST = 17


def points(rows: Sequence[dict[str, str]], attack: str) -> list[dict[str, Any]]:
    """Means over seeds: one entry per setting with ``lost`` (points), ``before``, ``transferred``, ``refitted`` (%)."""
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name, "") for name in SETTINGS), []).append(row)
    columns = {
        "lost": "lost.test_acc",
        "before": f"{attack}.before.refitted.accuracy",
        "transferred": f"{attack}.after.transferred.accuracy",
        "refitted": f"{attack}.after.refitted.accuracy",
    }
    return [
        dict(zip(SETTINGS, setting, strict=True))
        | {name: 100 * statistics.fmean(float(row[column]) for row in some) for name, column in columns.items()}
        for setting, some in groups.items()
    ]


def tradeoff(panes: Sequence[tuple[str, list[dict[str, Any]]]]) -> go.Figure:
    """Accuracy lost (x) against attack accuracy (y); the line of a setting leads from transferred to re-fitted."""
    drawn = Panes([title for title, _ in panes], spacing=0.07)
    figure = drawn.figure
    for column, (_, found) in enumerate(panes, 1):
        beyond = sum(point["lost"] > MOST_LOST for point in found)
        if beyond:
            figure.add_annotation(
                text=f"{beyond} lose more than {MOST_LOST}",
                x=MOST_LOST,
                y=44,
                xanchor="right",
                showarrow=False,
                row=1,
                col=column,
            )
        for point in found:
            colour = COLOURS[point["batch_norm"]]
            drawn.line(
                column,
                f"{point['variant'].replace('_', '-')}, batch norm in {point['batch_norm']} mode",
                x=[point["lost"]] * 2,
                y=[point["transferred"], point["refitted"]],
                mode="lines+markers",
                marker={
                    "symbol": [SYMBOLS[point["variant"]] + "-open", SYMBOLS[point["variant"]]],
                    "color": colour,
                    "size": 9,
                },
                line={"color": colour, "width": 1},
            )
        start = statistics.fmean(point["before"] for point in found)
        figure.add_hline(start, line_dash="dot", line_color="#666", annotation_text="before", row=1, col=column)
        figure.add_hline(50, line_dash="dash", line_color="#666", annotation_text="chance", row=1, col=column)
    figure.update_xaxes(title_text="Unseen accuracy lost (points)", range=[-0.7, MOST_LOST])
    figure.update_yaxes(range=[40, 100])
    figure.update_yaxes(title_text="Attack accuracy (%)", col=1)
    figure.update_layout(**SIZE)
    return figure


def main() -> int:
    """Reads the files and writes the picture; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("panes", nargs="+", metavar="TITLE:ATTACK:CSV")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    panes = []
    for text in options.panes:
        title, attack, path = text.split(":")
        with open(path, newline="") as file:
            panes.append((title, points(list(csv.DictReader(file)), attack)))
    write_png(tradeoff(panes), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
