"""Numbers in the cells of a table of colours: each stands out on its cell, and none that has no room is drawn."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cu_core.figures.theme import CELLS, TEXT_SIZE, ink_on

Stops = Sequence[tuple[float, str]]
"""Colours of a scale, ``rgb(...)`` or ``rgba(...)``, at shares of its range from 0 to 1."""


def add_cell_numbers(figure: go.Figure, stops: Stops, ends: tuple[float, float], form: str) -> None:
    """Writes the numbers into the cells of all tables of colours that a figure has got.

    Plotly writes numbers of its own in one size, however narrow the cells become, and in grey on middling colours. Bars
    that nobody sees lie over the cells instead: a text that does not fit into its bar is left out.

    Args:
        figure: changed in place; its axes are as they stay but for their fonts.
        stops: the tables' scale.
        ends: numbers at its ends.
        form: of a number, as in ``format``.
    """
    for table in [trace for trace in figure.data if trace.type == "heatmap"]:
        _over(figure, table, stops, ends, form)
    figure.update_layout(barmode="overlay", uniformtext={"minsize": TEXT_SIZE, "mode": "hide"})


def _over(figure: go.Figure, table: go.Heatmap, stops: Stops, ends: tuple[float, float], form: str) -> None:
    x, y = table.xaxis or "x", table.yaxis or "y"
    z = np.array(table.z, float)
    rows, columns = np.nonzero(np.isfinite(z))
    shown = z[rows, columns]
    low, high = ends
    texts = number_texts(shown, form)
    cells = [shade(stops, (value - low) / (high - low)) for value in shown]
    fresh = 1 + max(int(re.sub(r"\D", "", name) or 1) for name in _axes(figure))
    bars = go.Bar(
        x=columns,
        y=np.ones(len(columns)),
        base=rows - 0.5,
        width=1,
        text=texts,
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        insidetextfont={"color": [ink_on(cell, "light") for cell in cells], "size": TEXT_SIZE},
        marker={"color": "rgba(0, 0, 0, 0)", "line": {"width": 0}},
        meta={CELLS: cells},
        hoverinfo="skip",
        showlegend=False,
        xaxis=f"x{fresh}",
        yaxis=f"y{fresh}",
    )
    # A second pair of axes, as the table's own may be of names, between which no bar can begin.
    own: dict[str, Any] = {"visible": False, "showticklabels": False, "fixedrange": True, "showgrid": False}
    for letter, name, span in (("x", x, [-0.5, z.shape[1] - 0.5]), ("y", y, [z.shape[0] - 0.5, -0.5])):
        below = figure.layout[f"{letter}axis{name[1:]}"]
        # Cells must not be moved away from under their numbers.
        below.fixedrange = True
        across = {"overlaying": name, "domain": below.domain, "range": span}
        figure.layout[f"{letter}axis{fresh}"] = own | across | {"anchor": f"{'y' if letter == 'x' else 'x'}{fresh}"}
    figure.add_trace(bars)


def number_texts(numbers: Iterable[float], form: str) -> list[str]:
    """Numbers as texts of the same width: either all of a table have room in its cells, or none has.

    Args:
        numbers: finite ones.
        form: of each, as in ``format``.
    """
    texts = [format(number, form) for number in numbers]
    # No zero has a sign.
    texts = [text.replace("-", "\u2212") if float(text) else text.lstrip("+-") for text in texts]
    longest = max(map(len, texts), default=0)
    # Digits are about half as wide as a line is high; a quarter on either side stands for one.
    padding = ["\u2005" * (longest - len(text)) for text in texts]
    return [f"{pad}{text}{pad}" for pad, text in zip(padding, texts, strict=True)]


def _axes(figure: go.Figure) -> list[str]:
    return [name for name in figure.layout.to_plotly_json() if re.fullmatch(r"[xy]axis\d*", name)]


def shade(stops: Stops, share: float) -> list[float]:
    """Red, green and blue from 0 to 255 and opacity from 0 to 1 at a share of a scale; beyond its ends those there."""
    share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    parts = np.array([_parts(colour) for _, colour in stops])
    places = [place for place, _ in stops]
    return [float(np.interp(share, places, parts[:, k])) for k in range(4)]


def _parts(colour: str) -> list[float]:
    found = [float(part) for part in re.findall(r"[\d.]+", colour)]
    return found if len(found) == 4 else [*found, 1.0]
