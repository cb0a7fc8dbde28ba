"""Linear CKA per layer of the unlearned model to the base model and to retrained ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.run_style import run_style
from cu_core.figures.theme import COLOURS, FAINT, NEUTRAL, SYMBOLS, dress, join, tint

PANES = {"after_base": "After unlearning and the base model", "after_reference": "After unlearning and the reference"}
"""Pairs of models with a pane each."""


@dataclass(frozen=True)
class LayerLine:
    """A configuration with its runs.

    Attributes:
        label: in the legend.
        names: layers in order.
        pairs: pair of models to one tuple of CKA values per run.
    """

    label: str
    names: tuple[str, ...]
    pairs: Mapping[str, tuple[tuple[float | None, ...], ...]]


@dataclass(frozen=True)
class Noise:
    """What retraining alone does to the layers.

    Attributes:
        reference: CKA between retrained models, per layer; empty with fewer than two.
        base: CKA of the base model and retrained ones, per layer; empty without any.
    """

    reference: tuple[float | None, ...] = field(default_factory=tuple)
    base: tuple[float | None, ...] = field(default_factory=tuple)


def layer_similarity(lines: Sequence[LayerLine], noise: Noise, *, means: bool, narrow: bool = False) -> go.Figure:
    """Linear CKA layer by layer, one pane per pair of models.

    In the pane of the reference, two guides: how alike retrained models are among themselves, which no unlearned model
    can be asked to exceed, and how alike the base model was before any unlearning.

    Args:
        lines: configurations in their order, which decides their style; all with the same layers.
        noise: the guides.
        means: draw the mean over a line's runs strong and the runs faint; otherwise every run alike.
        narrow: whether it is drawn on a phone, where panes stand one below the other.
    """
    panes = [pair for pair in PANES if any(line.pairs.get(pair) for line in lines)]
    down, across = (max(1, len(panes)), 1) if narrow else (1, max(1, len(panes)))
    figure = make_subplots(
        rows=down,
        cols=across,
        shared_xaxes=True,
        vertical_spacing=0.24 / down,
        subplot_titles=[PANES[pair] for pair in panes],
        shared_yaxes=True,
        horizontal_spacing=0.04,
    )
    names = max((line.names for line in lines), key=len, default=())
    for position, pair in enumerate(panes):
        cell = {"row": position // across + 1, "col": position % across + 1}
        if pair == "after_reference":
            for trace in _guides(names, noise):
                figure.add_trace(trace, **cell)
        for index, line in enumerate(lines):
            for trace in _line(index, line, pair, means=means, showlegend=position == 0):
                figure.add_trace(trace, **cell)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(names))
    figure.update_xaxes(title_text="Layer", row=down)
    figure.update_yaxes(range=[-0.03, 1.03])
    figure.update_yaxes(title_text="Linear CKA (1 = alike)", col=1)
    return dress(figure, height=100 + 240 * down, bottom=72)


def layer_alt(lines: Sequence[LayerLine]) -> str:
    """The least alike layer of every line in words."""
    parts = []
    for line in lines:
        found = [
            (value, name)
            for values in line.pairs.get("after_base", ())
            for value, name in zip(values, line.names, strict=False)
            if value is not None
        ]
        if found:
            value, name = min(found)
            parts.append(f"{value:.2f} in {name} ({line.label})")
    return f"Lowest similarity to the base model: {join(parts)}." if parts else "No layers were compared."


def _line(index: int, line: LayerLine, pair: str, *, means: bool, showlegend: bool) -> list[go.Scatter]:
    style, runs = run_style(index), line.pairs.get(pair, ())
    several = means and len(runs) > 1

    def trace(values: Sequence[float | None], name: str, *, faint: bool, legend: bool) -> go.Scatter:
        return go.Scatter(
            x=list(line.names),
            y=list(values),
            mode="lines" if faint else "lines+markers",
            line={"color": tint(style.colour, FAINT if faint else 1), "dash": style.dash, "width": 1.2 if faint else 2},
            marker={"symbol": style.symbol, "size": 7},
            name=line.label,
            legendgroup=f"line {index}",
            showlegend=legend,
            hovertemplate=f"{name}<br>%{{x}}: %{{y:.3f}}<extra></extra>",
        )

    traces = [
        trace(values, line.label, faint=several, legend=showlegend and not several and not number)
        for number, values in enumerate(runs)
    ]
    if several:
        mean = [_mean([values[k] for values in runs if k < len(values)]) for k in range(len(line.names))]
        traces.append(trace(mean, f"{line.label}, mean of {len(runs)} seeds", faint=False, legend=showlegend))
    return traces


def _guides(names: Sequence[str], noise: Noise) -> list[go.Scatter]:
    found = []
    if noise.base:
        found.append(("Base model and reference", noise.base, NEUTRAL, "dot", "circle-open"))
    if noise.reference:
        found.append(("Reference and reference", noise.reference, COLOURS["reference"], "dash", SYMBOLS["reference"]))
    return [
        go.Scatter(
            x=list(names),
            y=list(values),
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 7},
            name=title,
            hovertemplate=f"{title.lower()}<br>%{{x}}: %{{y:.3f}}<extra></extra>",
        )
        for title, values, colour, dash, symbol in found
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None
