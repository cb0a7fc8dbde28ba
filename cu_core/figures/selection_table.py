"""Signal curves of selected samples over the rounds, and a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.theme import COLOURS, GROUPS, NEUTRAL, TITLES, class_name, dress, join, tint

MOST_SINGLE = 50
"""Up to this many samples, each is drawn as a thin line of its own besides the quartiles."""


@dataclass(frozen=True)
class TrackedSignal:
    """One number of every sample over the rounds.

    Attributes:
        id: short name.
        title: above its pane.
        axis: axis label with unit.
        rounds: (R,) numbers of the rounds that recorded it, ascending.
        values: (R, n); NaN where unknown.
        reference: (n,) the same in a retrained model; None where there is none or it has no such number.
        guide: value of a guide line, e.g. the decision boundary; None for none.
        log: logarithmic axis.
    """

    id: str
    title: str
    axis: str
    rounds: tuple[int, ...]
    values: np.ndarray
    reference: np.ndarray | None = None
    guide: float | None = None
    log: bool = False


def signal_lines(
    signals: Sequence[TrackedSignal], groups: np.ndarray, rows: np.ndarray, names: Sequence[str]
) -> go.Figure:
    """Signals over rounds of some samples: median and middle half of each group, and single samples where few.

    Args:
        signals: one pane each.
        groups: (n,) group names of all samples.
        rows: (k,) the samples to draw.
        names: (k,) what they are called in hover labels.
    """
    figure = make_subplots(
        rows=1,
        cols=max(1, len(signals)),
        column_titles=[f"<b>{signal.title}</b>" for signal in signals],
        horizontal_spacing=0.08,
    )
    present = [group for group in GROUPS if (groups[rows] == group).any()]
    traces: list[go.Scatter] = []
    for position, signal in enumerate(signals, start=1):
        axes = {"xaxis": f"x{position}" if position > 1 else "x", "yaxis": f"y{position}" if position > 1 else "y"}
        for group in present:
            inside = np.flatnonzero(groups[rows] == group).tolist()
            own = rows[inside]
            if len(rows) <= MOST_SINGLE:
                traces.append(_single(signal, group, own, [names[k] for k in inside], axes))
            traces += _quartiles(signal, group, own, axes, showlegend=position == 1)
            if signal.reference is not None:
                traces.append(_reference(signal, group, own, axes))
    figure.add_traces(traces)
    # One update for all panes: each costs Plotly milliseconds, and a selection is to show at once.
    layout: dict[str, Any] = {"shapes": []}
    for position, signal in enumerate(signals, start=1):
        suffix = str(position) if position > 1 else ""
        ticks = _ticks(signal.rounds)
        beside = [signal.rounds[-1] + _gap(signal.rounds[-1])] if signal.reference is not None else []
        layout[f"xaxis{suffix}"] = {
            "title": {"text": "Round (0 = before)"},
            "tickvals": [*ticks, *beside],
            "ticktext": [*map(str, ticks), *["Ref."] * len(beside)],
        }
        layout[f"yaxis{suffix}"] = {"title": {"text": signal.axis}} | (
            {"type": "log", "exponentformat": "power"} if signal.log else {}
        )
        if signal.guide is not None:
            layout["shapes"].append(
                {
                    "type": "line",
                    "xref": f"x{suffix} domain",
                    "yref": f"y{suffix}",
                    "x0": 0,
                    "x1": 1,
                    "y0": signal.guide,
                    "y1": signal.guide,
                    "line": {"color": NEUTRAL, "width": 1.2, "dash": "dot"},
                }
            )
    figure.update_layout(layout)
    return dress(figure, height=290)


def signal_lines_alt(signals: Sequence[TrackedSignal], groups: np.ndarray, rows: np.ndarray) -> str:
    """First and last medians in words."""
    sentences = []
    for signal in signals:
        parts = []
        for group in GROUPS:
            own = rows[groups[rows] == group]
            known = signal.values[:, own]
            if len(signal.rounds) and len(own) and np.isfinite(known[[0, -1]]).any(axis=1).all():
                first, last = (float(np.nanmedian(known[k])) for k in (0, -1))
                parts.append(f"{first:.3g} to {last:.3g} on {len(own)} {group} samples")
        if parts:
            sentences.append(f"{signal.title}: median from {join(parts)}.")
    return " ".join(sentences) or "Nothing was recorded of these samples."


def quartiles(values: np.ndarray) -> np.ndarray:
    """(3, R) lower quartile, median and upper quartile of each row of (R, k) values; NaN where a row has none."""
    found = np.full((3, len(values)), np.nan)
    known = np.isfinite(values).any(axis=1) if values.shape[1] else np.zeros(len(values), bool)
    if known.any():
        found[:, known] = np.nanquantile(values[known].astype(np.float64), (0.25, 0.5, 0.75), axis=1)
    return found


@dataclass(frozen=True)
class Facts:
    """What the table says of every recorded sample.

    Attributes:
        sample: (n,) indices into the training or the test images.
        split: (n,) ``train`` or ``test``.
        groups: (n,) group names.
        labels: (n,) labels as trained.
        predicted: column title to (n,) predicted class: before, now, reference.
        crossed: (n,) first round beyond the own decision boundary; -1 for none.
        numbers: column title to (n,) number.
    """

    sample: np.ndarray
    split: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    predicted: Mapping[str, np.ndarray]
    crossed: np.ndarray
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)


def facts_table(facts: Facts, rows: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """One line per sample, in the order of `rows`.

    Args:
        facts: of all samples.
        rows: (k,) the samples to list.
        classes: names by label.

    Returns:
        Columns ``Sample``, ``Split``, ``Group``, ``Label``, ``Predicted <when>``, ``First crossed in round`` (missing
        where it did not), then the numbers.
    """
    size = 1 + max([0, *(int(array.max(initial=0)) for array in (facts.labels, *facts.predicted.values()))])
    # A prediction of -1 is none, and takes the last name.
    names = np.array([*(class_name(classes, label) for label in range(size)), "–"], dtype=object)
    crossed = pd.array(facts.crossed[rows], dtype="Int64")
    crossed[facts.crossed[rows] < 0] = pd.NA
    columns: dict[str, object] = {
        "Sample": facts.sample[rows],
        "Split": facts.split[rows],
        "Group": pd.Series(facts.groups[rows]).map(TITLES).to_numpy(),
        "Label": names[facts.labels[rows]],
    }
    columns |= {f"Predicted {when}": names[predicted[rows]] for when, predicted in facts.predicted.items()}
    columns["First crossed in round"] = crossed
    return pd.DataFrame(columns | {title: values[rows] for title, values in facts.numbers.items()})


def _single(
    signal: TrackedSignal, group: str, own: np.ndarray, names: Sequence[str], axes: Mapping[str, str]
) -> go.Scatter:
    """All single lines of a group as one trace, with gaps between the samples."""
    rounds = [*signal.rounds, None]
    values = np.vstack([signal.values[:, own], np.full((1, len(own)), np.nan)]).T.ravel()
    return go.Scatter(
        x=rounds * len(own),
        y=_positive(values) if signal.log else values,
        text=np.repeat(np.array(names, dtype=object), len(rounds)),
        mode="lines",
        line={"color": tint(COLOURS[group], 0.35), "width": 1},
        connectgaps=False,
        legendgroup=group,
        showlegend=False,
        hovertemplate="%{text}<br>round %{x}: %{y:.4g}<extra></extra>",
        meta={"group": group, "kind": "single", "signal": signal.id},
        **axes,
    )


def _quartiles(
    signal: TrackedSignal, group: str, own: np.ndarray, axes: Mapping[str, str], *, showlegend: bool
) -> list[go.Scatter]:
    low, middle, high = quartiles(signal.values[:, own])
    if signal.log:
        low, middle, high = (_positive(values) for values in (low, middle, high))
    rounds = list(signal.rounds)
    known = np.isfinite(middle)
    edge = np.array(rounds)[known]
    band = go.Scatter(
        x=np.concatenate([edge, edge[::-1]]),
        y=np.concatenate([low[known], high[known][::-1]]),
        fill="toself",
        fillcolor=tint(COLOURS[group], 0.16),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        legendgroup=group,
        showlegend=False,
        meta={"group": group, "kind": "band", "signal": signal.id},
        **axes,
    )
    median = go.Scatter(
        x=rounds,
        y=middle,
        customdata=np.column_stack([low, high]),
        mode="lines+markers" if len(rounds) <= 40 else "lines",
        line={"color": COLOURS[group], "width": 2.2},
        marker={"size": 5},
        connectgaps=True,
        name=f"{TITLES[group]} (n = {len(own):,})",
        legendgroup=group,
        showlegend=showlegend,
        hovertemplate=f"{TITLES[group]}, round %{{x}}<br>median %{{y:.4g}}, middle half %{{customdata[0]:.4g}} to "
        "%{customdata[1]:.4g}<extra></extra>",
        meta={"group": group, "kind": "median", "signal": signal.id},
        **axes,
    )
    return [band, median]


def _reference(signal: TrackedSignal, group: str, own: np.ndarray, axes: Mapping[str, str]) -> go.Scatter:
    """The group's median in the retrained model, right of the rounds, with its middle half as a bar."""
    assert signal.reference is not None
    low, middle, high = quartiles(signal.reference[None, own])[:, 0]
    last = signal.rounds[-1] if signal.rounds else 0
    return go.Scatter(
        x=[last + _gap(last)],
        y=[middle],
        error_y={"type": "data", "symmetric": False, "array": [high - middle], "arrayminus": [middle - low]},
        mode="markers",
        marker={"symbol": "square-open", "size": 9, "color": COLOURS[group]},
        legendgroup=group,
        showlegend=False,
        hovertemplate=f"{TITLES[group]}, retrained model<br>median %{{y:.4g}}<extra></extra>",
        meta={"group": group, "kind": "reference", "signal": signal.id},
        **axes,
    )


def _gap(last: int) -> float:
    """Distance between the last round and the reference."""
    return max(0.8, 0.12 * last)


def _ticks(rounds: Sequence[int]) -> list[int]:
    step = max(1, -(-len(rounds) // 7))
    return list(rounds[::step])


def _positive(values: np.ndarray) -> np.ndarray:
    """Values for a logarithmic axis, which has no zero."""
    return np.where(np.isfinite(values), np.maximum(values, 1e-6), np.nan)
