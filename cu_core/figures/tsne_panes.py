"""Panes of a t-SNE side by side on the same axes: before, any round and the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.base.display_text import counted
from cu_core.figures.scrubber import add_scrubber
from cu_core.figures.theme import (
    COLOURS,
    GRID,
    GROUPS,
    SYMBOLS,
    TITLES,
    class_name,
    dress,
    legend_rows,
    marker,
    reference_title,
)
from cu_core.figures.thinning import choose_points as choose_points

PRINCIPAL = ("Principal axis 1", "Principal axis 2")
"""Axis titles of the map on the principal axes of round 0."""

HOVER = (
    "%{hovertext}<br>predicted %{text}<br>top-1 probability %{customdata[2]:.3f}"
    "<br>loss %{customdata[3]:.3f}<extra></extra>"
)
"""What pointing at a sample says; `_state` and `_who` provide the values."""


@dataclass(frozen=True)
class Snapshot:
    """What the map shows of n samples in one state.

    Attributes:
        coordinates: (n, 2) float32 in the basis of round 0.
        prediction: (n,) int, predicted classes.
        confidence: (n,) float32, probability of the prediction.
        loss: (n,) float32, nats.
        fidelity: ``trustworthiness``, ``continuity`` (0..1 or None) and, for a reference,
            ``procrustes_residual``.
    """

    coordinates: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray
    loss: np.ndarray
    fidelity: Mapping[str, Any] = field(default_factory=dict)

    def take(self, rows: np.ndarray) -> Snapshot:
        """The same round with some samples alone."""
        parts = (self.coordinates[rows], self.prediction[rows], self.confidence[rows], self.loss[rows])
        return Snapshot(*parts, self.fidelity)


def drift_map(
    probe: pd.DataFrame,
    rounds: Mapping[int, Snapshot],
    reference: Snapshot | None,
    classes: Sequence[str],
    *,
    shown: int | None = None,
    height: int = 300,
    axes: tuple[str, str] = PRINCIPAL,
) -> go.Figure:
    """Panes "before", "round k" with a scrubber over all rounds, and the reference where there is one.

    Every pane has the same axes, fixed over rounds, with equal scales; every trace of a group lists
    the same samples in the same order, with (row, sample id, confidence, loss) as custom data. ``meta``
    of a trace says its group and the round that it shows (None for the reference).

    Args:
        probe: one row per sample with ``sample``, ``split``, ``group``, ``label`` and, where labels may be wrong,
            ``true_label``.
        rounds: snapshot of each round; round 0 is "before".
        reference: the retrained model, aligned to round 0.
        classes: class names by label.
        shown: round that is shown first; by default the last.
        height: px of the panes.
        axes: titles of the horizontal and the vertical axis.

    Raises:
        KeyError: round 0 or the round to be shown is missing.
    """
    numbers = sorted(rounds)
    first = numbers[-1] if shown is None else shown
    before = rounds[0]
    titles = [_title("<b>Before (round 0)</b>", before), _round_title(first, rounds[first])]
    if reference is not None:
        titles.append(_title(reference_title("Reference (retrained)"), reference))
    figure = make_subplots(rows=1, cols=len(titles), subplot_titles=titles, horizontal_spacing=0.03)
    samples = probe["sample"].to_numpy()
    rows_of = {group: np.flatnonzero(probe["group"].to_numpy() == group) for group in GROUPS}
    # Retain first, so that the few forget samples lie on top.
    drawn = [group for group in reversed(GROUPS) if len(rows_of[group])]
    size = 7.0 if len(probe) <= 1000 else 5.5 if len(probe) <= 3000 else 4.5

    def state(group: str, snapshot: Snapshot, number: int | None) -> dict[str, Any]:
        return _state(rows_of[group], samples, snapshot, classes) | {"meta": {"group": group, "round": number}}

    moving: list[int] = []
    shown_panes: list[tuple[Snapshot, int | None]] = [(before, 0), (rounds[first], first)]
    if reference is not None:
        shown_panes.append((reference, None))
    for pane, (snapshot, number) in enumerate(shown_panes):
        for group in drawn:
            if pane == 1:
                moving.append(len(figure.data))
            trace = go.Scattergl(
                **state(group, snapshot, number),
                mode="markers",
                marker=marker(group, before=pane == 0, size=size),
                name=f"{TITLES[group]} (n = {len(rows_of[group]):,})",
                legendgroup=group,
                legendrank=GROUPS.index(group) + 1,
                showlegend=pane == 1,
                hovertext=_who(probe.iloc[rows_of[group]], classes),
                hovertemplate=HOVER,
            )
            figure.add_trace(trace, row=1, col=pane + 1)
    if reference is not None and len(rows_of["forget"]):
        figure.add_trace(_target(rows_of["forget"], reference, size), row=1, col=2)

    drawn_snapshots = [snapshot for snapshot in [*rounds.values(), reference] if snapshot is not None]
    _fix_axes(figure, drawn_snapshots, len(titles), axes)
    captions = [annotation.to_plotly_json() for annotation in figure.layout.annotations]
    figure.frames = [
        go.Frame(
            name=str(number),
            traces=moving,
            data=[go.Scattergl(state(group, rounds[number], number)) for group in drawn],
            layout={"annotations": _retitled(captions, _round_title(number, rounds[number]))},
        )
        for number in numbers
    ]
    if len(numbers) > 1:
        add_scrubber(figure, numbers, first)
    names = [trace.name for trace in figure.data if trace.showlegend is not False]
    return dress(figure, height=height + 120, bottom=120, top=60 + 24 * legend_rows(names))


def drift_alt(
    probe: pd.DataFrame, rounds: Sequence[int], has_reference: bool, on: str = "the first two principal axes of round 0"
) -> str:
    """The map in words; `on` says what its axes are."""
    counts = probe["group"].value_counts()
    listed = ", ".join(f"{counts.get(group, 0)} {group}" for group in GROUPS)
    beside = " and beside the retrained reference" if has_reference else ""
    return (
        f"Map of {counted(len(probe), 'sample')} ({listed}) on {on}: before unlearning, "
        f"at any of the rounds 0 to {max(rounds)}{beside}, on the same axes."
    )


def _state(rows: np.ndarray, samples: np.ndarray, snapshot: Snapshot, classes: Sequence[str]) -> dict[str, Any]:
    place = snapshot.coordinates[rows].astype(np.float32)
    # Row and id stay exact in float32 up to 2^24; one array is half as large as two.
    custom = np.column_stack([rows, samples[rows], snapshot.confidence[rows], snapshot.loss[rows]])
    return {
        "x": place[:, 0],
        "y": place[:, 1],
        "customdata": custom.astype(np.float32),
        "text": [class_name(classes, int(p)) for p in snapshot.prediction[rows]],
    }


def _who(table: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    true_labels = table["true_label"] if "true_label" in table else table["label"]
    return [
        f"{TITLES[group]} · {split} sample {sample}<br>{_labelled(classes, label, true_label)}"
        for group, split, sample, label, true_label in zip(
            table["group"], table["split"], table["sample"], table["label"], true_labels, strict=True
        )
    ]


def _labelled(classes: Sequence[str], label: int, true_label: int) -> str:
    if label == true_label:
        return f"class {class_name(classes, label)}"
    return f"labelled {class_name(classes, label)}, truly {class_name(classes, true_label)}"


def _target(rows: np.ndarray, reference: Snapshot, size: float) -> go.Scattergl:
    """Where the reference puts the forget samples, laid over the round shown; off until asked for."""
    place = reference.coordinates[rows].astype(np.float32)
    return go.Scattergl(
        x=place[:, 0],
        y=place[:, 1],
        mode="markers",
        marker={
            "symbol": f"{SYMBOLS['reference']}-open",
            "color": COLOURS["reference"],
            "size": size,
            "line": {"width": 1.2},
        },
        name=f"Reference: forget (n = {len(rows):,})",
        legendgroup="reference",
        legendrank=len(GROUPS) + 1,
        visible="legendonly",
        hoverinfo="skip",
        meta={"group": "reference", "round": None},
    )


def _fix_axes(figure: go.Figure, snapshots: Sequence[Snapshot], panes: int, axes: tuple[str, str]) -> None:
    """One square range for all panes and rounds, so that lengths can be compared everywhere."""
    places = np.concatenate([snapshot.coordinates for snapshot in snapshots]).astype(np.float64)
    places = places[np.isfinite(places).all(axis=1)]
    low, high = (places.min(0), places.max(0)) if len(places) else (np.full(2, -1.0), np.full(2, 1.0))
    centre, half = (low + high) / 2, max(float(np.max(high - low)) / 2, 1e-6) * 1.06
    for pane in range(1, panes + 1):
        linked = {} if pane == 1 else {"matches": "x"}
        figure.update_xaxes(
            range=[centre[0] - half, centre[0] + half],
            title_text=axes[0],
            constrain="domain",
            showline=True,
            linecolor=GRID,
            mirror=True,
            nticks=6,
            **linked,
            row=1,
            col=pane,
        )
        linked = {} if pane == 1 else {"matches": "y"}
        figure.update_yaxes(
            range=[centre[1] - half, centre[1] + half],
            scaleanchor="x" if pane == 1 else f"x{pane}",
            scaleratio=1,
            constrain="domain",
            constraintoward="top",
            showline=True,
            linecolor=GRID,
            mirror=True,
            nticks=6,
            showticklabels=pane == 1,
            **linked,
            row=1,
            col=pane,
        )
    figure.update_yaxes(title_text=axes[1], row=1, col=1)
    figure.update_annotations(yshift=5)


def _title(name: str, snapshot: Snapshot) -> str:
    trust, continuity = snapshot.fidelity.get("trustworthiness"), snapshot.fidelity.get("continuity")
    if trust is None or continuity is None:
        return name
    return f"{name}<br>trustworthiness {trust:.2f}, continuity {continuity:.2f}"


def _round_title(number: int, snapshot: Snapshot) -> str:
    return _title(f"<b>Round {number}</b>", snapshot)


def _retitled(captions: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    return [caption | {"text": text} if place == 1 else caption for place, caption in enumerate(captions)]


def tsne_words(still_step: float, self_neighbours: float) -> str:
    """What a joint t-SNE over several rounds does not show.

    Args:
        still_step: how far the quarter of the samples that moved least is drawn apart between the first and the last
            round, as a share of the picture's radius.
        self_neighbours: share of the nearest neighbours in the fit that are the same sample in another round.
    """
    return (
        "t-SNE keeps neighbours. Distances between islands, their sizes and the density inside them mean nothing, and "
        "a path between two rounds is not the way that a sample took. Outputs that stay exactly equal are drawn at "
        "one place; those that stay nearly equal are not: the quarter of the samples whose outputs moved least is "
        f"drawn {still_step:.1%} of the picture's radius apart (median) between the first and the last round. Smaller "
        f"steps than that are no movement. Of the nearest neighbours in the fit, {self_neighbours:.1%} are the same "
        "sample at another moment; were it most of them, the picture would show identities instead of neighbourhoods."
    )
