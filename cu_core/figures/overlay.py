"""Histograms of one signal of many runs in one pane, over the envelope of the retrained models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cu_core.figures.confidence_panes import SampleSignal, axis_of, shares
from cu_core.figures.run_style import run_style
from cu_core.figures.theme import COLOURS, FAINT, dress, join, share_x_title, tint
from cu_core.figures.value_axis import ValueAxis


@dataclass(frozen=True)
class OverlayLine:
    """A configuration with its runs.

    Attributes:
        label: in the legend.
        names: of the runs.
        values: one (n,) array of finite values per run.
    """

    label: str
    names: tuple[str, ...]
    values: tuple[np.ndarray, ...]


def envelope(references: Sequence[np.ndarray], edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest share of the retrained models in each bin.

    Args:
        references: one (n,) array per retrained model.
        edges: (bins + 1,) of the bins.

    Returns:
        Two (bins,) arrays.
    """
    table = np.stack([shares(values, edges) for values in references])
    return table.min(0), table.max(0)


def overlay(
    signal: SampleSignal,
    lines: Sequence[OverlayLine],
    references: Sequence[np.ndarray],
    edges: np.ndarray,
    *,
    means: bool,
) -> go.Figure:
    """Shares per bin.

    Args:
        signal: what is shown.
        lines: configurations in their order, which decides their style.
        references: values of every retrained model; may be empty.
        edges: common bins.
        means: draw the mean over a line's runs strong and the runs faint; otherwise every run alike.
    """
    figure = go.Figure()
    axis = axis_of(signal, edges)
    if references:
        for trace in _envelope(references, axis):
            figure.add_trace(trace)
    for index, line in enumerate(lines):
        named = [(n, shares(values, edges)) for n, values in zip(line.names, line.values, strict=True) if len(values)]
        heights = [height for _, height in named]
        if not heights:
            continue
        several = means and len(heights) > 1
        for number, (name, height) in enumerate(named):
            figure.add_trace(
                _steps(index, axis, height, name, line.label, faint=several, showlegend=not several and not number)
            )
        if several:
            name = f"{line.label}, mean of {len(heights)} seeds"
            figure.add_trace(
                _steps(index, axis, np.mean(heights, axis=0), name, line.label, faint=False, showlegend=True)
            )
    figure.update_xaxes(axis.layout())
    share_x_title(figure, axis.title(signal.axis), below=30)
    figure.update_yaxes(title_text="Share of samples per bin", tickformat=".0%", rangemode="tozero")
    return dress(figure, height=376, bottom=72)


def overlay_alt(signal: SampleSignal, lines: Sequence[OverlayLine], references: Sequence[np.ndarray]) -> str:
    """Medians in words."""
    parts = [
        f"{np.median(np.concatenate(line.values)):.3g} ({line.label})" for line in lines if sum(map(len, line.values))
    ]
    if references and sum(map(len, references)):
        parts.append(f"{np.median(np.concatenate(list(references))):.3g} (retrained)")
    return f"Distribution of the {signal.title.lower()}, medians: {join(parts)}." if parts else "Not recorded."


def overlay_words(lines: Sequence[OverlayLine], references: Sequence[np.ndarray], group: str) -> str:
    """Which samples are drawn, and what the filled shape is; nothing of it where there is none."""
    sizes = {len(values) for line in lines for values in line.values if len(values)}
    count = " to ".join(f"{n:,}" for n in sorted({min(sizes), max(sizes)})) if sizes else "0"
    filled = {0: "No retrained model is recorded to compare with.", 1: "Filled: the share of the one retrained model."}
    several = "Filled: from the smallest to the largest share of the retrained models in each bin."
    known = len([values for values in references if len(values)])
    return f"Recorded {group} samples (n = {count}) after the last round. {filled.get(known, several)}"


def _steps(
    index: int, axis: ValueAxis, height: np.ndarray, name: str, label: str, *, faint: bool, showlegend: bool
) -> go.Scatter:
    style, edges = run_style(index), axis.edges
    return go.Scatter(
        x=axis.place(edges),
        # The last height once more: a step line ends at the last edge.
        y=np.append(height, height[-1]),
        customdata=np.column_stack([edges, np.append(edges[1:], edges[-1])]),
        mode="lines",
        line={
            "shape": "hv",
            "color": tint(style.colour, FAINT if faint else 1),
            "dash": style.dash,
            "width": 1 if faint else 2,
        },
        name=label,
        legendgroup=f"line {index}",
        showlegend=showlegend,
        hovertemplate=f"{name}<br>%{{y:.1%}} between %{{customdata[0]:.4~g}} and %{{customdata[1]:.4~g}}"
        "<extra></extra>",
    )


def _envelope(references: Sequence[np.ndarray], axis: ValueAxis) -> list[go.Scatter]:
    low, high = envelope(references, axis.edges)
    count = len(references)
    word = f"Retrained, envelope of {count} seeds" if count > 1 else "Retrained, one seed"
    # Two step lines, the upper one filled down to the lower one.
    common = {"x": axis.place(axis.edges), "mode": "lines", "legendgroup": "reference"}
    line = {"shape": "hv", "color": tint(COLOURS["reference"], 0.9), "width": 1}
    return [
        go.Scatter(**common, y=np.append(low, low[-1]), line=line, showlegend=False, hoverinfo="skip", name=word),
        go.Scatter(
            **common,
            y=np.append(high, high[-1]),
            line=line,
            fill="tonexty" if count > 1 else "tozeroy",
            fillcolor=tint(COLOURS["reference"], 0.3),
            name=word,
            hovertemplate="retrained: up to %{y:.1%}<extra></extra>",
        ),
    ]
