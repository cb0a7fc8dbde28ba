"""Histograms of per-sample signals: probability, margin, loss, two-view cosine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.catalogue.objective_record import objective
from cu_core.figures.stacked_panes import name_middle, stacked_panes
from cu_core.figures.theme import COLOURS, GROUPS, TITLES, dress, join, pane_title, share_x_title, tint
from cu_core.figures.value_axis import BINS, ValueAxis, common_edges

OVERLAID_PX, GROUP_PX = 150, 84
"""Px of a pane on a phone: of all groups, and of one."""


@dataclass(frozen=True)
class SampleSignal:
    """One recorded per-sample quantity.

    Attributes:
        id: key in `SIGNALS`.
        array: name of the recorded array.
        title: name shown to people.
        axis: axis label with unit.
        low: smallest possible value; None if it depends on the data.
        high: largest possible value; None if it depends on the data.
        summary: what it says, in one sentence.
    """

    id: str
    array: str
    title: str
    axis: str
    low: float | None
    high: float | None
    summary: str


SIGNALS: dict[str, SampleSignal] = {
    s.id: s
    for s in (
        SampleSignal(
            "probability",
            "top3",
            "Top-1 probability",
            "Probability of the predicted class",
            0.0,
            1.0,
            "How sure the model is of what it predicts, right or wrong.",
        ),
        SampleSignal(
            "margin",
            "margin",
            "Margin",
            "Label's probability minus best other",
            -1.0,
            1.0,
            "Below 0 the label is not what the model predicts.",
        ),
        SampleSignal(
            "loss",
            "loss",
            "Loss",
            "Cross-entropy of the label (nats)",
            0.0,
            None,
            "How surprised the model is by the label; membership attacks read it.",
        ),
        SampleSignal(
            "views",
            "two_view_cosine",
            "Two-view cosine",
            "Cosine of two augmented views",
            None,
            1.0,
            "How alike two crops of the same image are to the model.",
        ),
    )
}


def signals_for(objectives: Iterable[str]) -> dict[str, SampleSignal]:
    """`SIGNALS` with the loss that runs of these objectives have recorded: an encoder's is not that of a label.

    Args:
        objectives: ids, as in `cu_core.catalogue.spec_parts.TrainSpec.objective`.
    """
    trained = {name: objective(name) for name in objectives}
    if not any(one.self_supervised for one in trained.values()):
        return SIGNALS
    words = {one.loss_words[0] for one in trained.values()}
    axis = words.pop() if len(words) == 1 else "Loss, of each run's own training"
    said = "The loss of an encoder's own training between two fixed views; membership attacks read it."
    return SIGNALS | {"loss": replace(SIGNALS["loss"], axis=axis, summary=said)}


@dataclass(frozen=True)
class ConfidencePane:
    """One pane: before, a round, or the reference.

    Attributes:
        title: above the pane.
        groups: (n,) group names.
        values: (n,) the signal; NaN where not recorded.
        kind: ``"before"``, ``"round"`` or ``"reference"``.
    """

    title: str
    groups: np.ndarray
    values: np.ndarray
    kind: str = "round"

    def of(self, group: str) -> np.ndarray:
        """The group's finite values."""
        inside = self.values[self.groups == group]
        return inside[np.isfinite(inside)]


def common_bins(
    signal: SampleSignal, arrays: Iterable[np.ndarray], *, log: bool = False, bins: int = BINS
) -> np.ndarray:
    """Edges that suit every round, so that bins stay where they are.

    Args:
        signal: decides the ends where they are known beforehand.
        arrays: the signal in all rounds and references.
        log: bins of equal width on a logarithmic axis.
        bins: how many.

    Returns:
        (bins + 1,) ascending edges.
    """
    return common_edges(signal.low, signal.high, arrays, log=log, bins=bins)


def by_group(panes: Iterable[ConfidencePane]) -> list[np.ndarray]:
    """The values of each group of each pane: where any of them crowd, `common_bins` draws them apart."""
    return [pane.of(group) for pane in panes for group in GROUPS]


def axis_of(signal: SampleSignal, edges: np.ndarray) -> ValueAxis:
    """How a signal's bins are drawn."""
    return ValueAxis(edges, (signal.low, signal.high))


def shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(bins,) share of the values in each bin; what lies outside counts into the outermost bins."""
    if not len(values):
        return np.zeros(len(edges) - 1)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return counts / len(values)


def highest_share(panes: Iterable[ConfidencePane], edges: np.ndarray) -> float:
    """The tallest bar of any group in any pane: a common top for the axes."""
    tops = [shares(pane.of(group), edges).max() for pane in panes for group in GROUPS]
    return float(max(tops, default=0.0)) or 1.0


Spread = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Group to the lowest and the highest share (bins,) of each bin over the references."""


def spread_of(references: Sequence[ConfidencePane], edges: np.ndarray) -> Spread:
    """How far retrained models differ in each bin.

    Args:
        references: one pane per seed; fewer than two have no spread.
        edges: common bins.
    """
    if len(references) < 2:
        return {}
    heights = {group: np.stack([shares(r.of(group), edges) for r in references]) for group in GROUPS}
    return {group: (found.min(0), found.max(0)) for group, found in heights.items() if found.any()}


def distributions(
    signal: SampleSignal,
    panes: Sequence[ConfidencePane],
    edges: np.ndarray,
    *,
    top: float,
    overlaid: bool = True,
    spread: Spread | None = None,
    narrow: bool = False,
) -> go.Figure:
    """Histograms as shares, one column per pane: groups overlaid, or one row each; on a phone all in one column.

    Args:
        signal: what is shown.
        panes: columns from left to right, on a phone from top to bottom.
        edges: common bins.
        top: largest share on any axis, see `highest_share`.
        overlaid: all groups in one pane per state; otherwise one row of panes per group.
        spread: drawn as a band behind the reference and, where groups have panes of their own, behind the round.
        narrow: whether it is drawn on a phone.
    """
    groups = [group for group in GROUPS if any(len(pane.of(group)) for pane in panes)]
    rows = 1 if overlaid else max(1, len(groups))
    if narrow:
        named = [
            (m.title if overlaid else f"{TITLES[group]}: {m.title}", m.kind)
            for group in (groups[:1] if overlaid else groups)
            for m in panes
        ]
        figure = stacked_panes(named, OVERLAID_PX if overlaid else GROUP_PX)
    else:
        figure = make_subplots(
            rows=rows,
            cols=max(1, len(panes)),
            shared_xaxes=True,
            shared_yaxes=True,
            column_titles=[pane_title(m.title, m.kind) for m in panes],
            horizontal_spacing=0.03,
            vertical_spacing=0.07,
        )
    axis = axis_of(signal, edges)
    # The legend takes its keys from the last pane, where they are filled.
    keys_from = max((c for c, m in enumerate(panes) if m.kind == "round"), default=len(panes) - 1)
    for column, pane in enumerate(panes):
        for k, group in enumerate(groups):
            row = 0 if overlaid else k
            place = {"row": row * len(panes) + column + 1, "col": 1} if narrow else {"row": row + 1, "col": column + 1}
            if spread and group in spread and (pane.kind == "reference" or (pane.kind == "round" and not overlaid)):
                for trace in _band(group, spread[group], axis):
                    figure.add_trace(trace, **place)
            trace = _histogram(pane, group, axis, showlegend=column == keys_from)
            trace.meta = {"pane": column, "group": group}
            figure.add_trace(trace, **place)
    # Beside the lowest share, the first value would touch it.
    figure.update_xaxes(axis.layout(), ticklabelstandoff=4)
    share_x_title(figure, axis.title(signal.axis), below=30)
    figure.update_yaxes(range=[0, top * 1.06], tickformat=".0%")
    if narrow:
        name_middle(figure, "Share of samples per bin")
        return dress(figure, height=int(figure.layout.height) + 72, bottom=72)
    figure.update_yaxes(title_text="Share of samples per bin", col=1)
    if not overlaid:
        for row, group in enumerate(groups, start=1):
            figure.update_yaxes(title_text=f"{TITLES[group]}: share per bin", row=row, col=1)
    return dress(figure, height=306 if overlaid else 76 + 165 * rows, bottom=72)


def distributions_alt(signal: SampleSignal, panes: Sequence[ConfidencePane]) -> str:
    """Medians in words, for people who do not see the chart."""
    sentences = []
    for pane in panes:
        parts = [
            f"{np.median(pane.of(group)):.3g} on {len(pane.of(group))} {group} samples"
            for group in GROUPS
            if len(pane.of(group))
        ]
        if parts:
            sentences.append(f"{pane.title}: median {join(parts)}.")
    return f"Distribution of the {signal.title.lower()}. " + (" ".join(sentences) or "Not recorded.")


def _band(group: str, ends: tuple[np.ndarray, np.ndarray], axis: ValueAxis) -> list[go.Scatter]:
    """The area between the lowest and the highest share of each bin."""
    common: dict[str, Any] = {
        "x": axis.place(axis.edges),
        "mode": "lines",
        "line": {"shape": "hv", "width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": group,
    }
    low, high = (np.append(values, values[-1]) for values in ends)
    return [
        go.Scatter(y=low, **common),
        go.Scatter(y=high, fill="tonexty", fillcolor=tint(COLOURS["reference"], 0.45), **common),
    ]


def _histogram(pane: ConfidencePane, group: str, axis: ValueAxis, *, showlegend: bool) -> go.Scatter:
    values = pane.of(group)
    edges, heights = axis.edges, shares(values, axis.edges)
    before = pane.kind == "before"
    return go.Scatter(
        x=axis.place(edges),
        # The last height once more: a step line ends at the last edge.
        y=np.append(heights, heights[-1]),
        customdata=np.column_stack([edges, np.append(edges[1:], edges[-1])]),
        mode="lines",
        line={"shape": "hv", "color": tint(COLOURS[group], 0.7 if before else 1.0), "width": 1.5 if before else 2},
        fill=None if before else "tozeroy",
        fillcolor=None if before else tint(COLOURS[group], 0.22),
        name=f"{TITLES[group]} (n = {len(values):,})",
        legendgroup=group,
        showlegend=showlegend,
        hovertemplate=f"{TITLES[group]}, {pane.title}<br>%{{y:.1%}} between %{{customdata[0]:.4~g}} and "
        "%{customdata[1]:.4~g}<extra></extra>",
    )
