"""Figures and table of events: rounds in which samples crossed the decision boundary or flipped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cu_core.base.display_text import counted
from cu_core.figures.theme import COLOURS, GROUPS, TITLES, class_name, dress, join, round_axis
from cu_core.metrics.drift.events import NEVER, Overshoot, crossings, dragged_along, flips, never_left, overshoot

PATTERNS = {"forget": "x", "retain": "", "unseen": "/"}
"""Fill of bars, so that colour never carries a group alone."""

NEVER_LEFT = "never left"
TOO_FAR = "too far"
DRAGGED = "dragged along"


def crossing_histogram(
    crossed: np.ndarray, groups: np.ndarray, rounds: Sequence[int], *, height: int = 260
) -> go.Figure:
    """In which round how many samples crossed their boundary, as a share of their group.

    Example:
        ``crossing_histogram(crossings(boundary, rounds).stays, groups, rounds)``: those that stayed across;
        with ``.first``: those that crossed, whether or not they came back.

    Args:
        crossed: (n,) round of each sample, `NEVER` for none. Samples that lay across before
            (in the first of the rounds) are counted in the legend's number alone.
        groups: (n,) group names.
        rounds: numbers of the recorded rounds, ascending, with round 0.
        height: px of the pane.
    """
    later = list(rounds[1:])
    figure = go.Figure()
    for group in GROUPS:
        own = crossed[groups == group]
        if not len(own):
            continue
        counts = np.array([(own == number).sum() for number in later], np.int64)
        before, never = int((own == rounds[0]).sum()), int((own == NEVER).sum())
        name = f"{TITLES[group]} (of {len(own):,}: {before:,} before, {never:,} never)"
        figure.add_trace(_bars(later, counts, len(own), group, name, "crossed"))
    return _by_round(figure, later, "Share of the group that crossed", height)


def crossing_alt(crossed: np.ndarray, groups: np.ndarray, rounds: Sequence[int]) -> str:
    """The histogram in words: the busiest round of each group and those that never crossed."""
    parts = []
    for group in GROUPS:
        own = crossed[groups == group]
        if not len(own):
            continue
        counts = [int((own == number).sum()) for number in rounds[1:]]
        before, never = int((own == rounds[0]).sum()), int((own == NEVER).sum())
        text = f"of {counted(len(own), f'{group} sample')} {before:,} lay across before, {never:,} never crossed"
        if any(counts):
            text += f" and most crossed in round {rounds[1:][int(np.argmax(counts))]} ({max(counts):,})"
        parts.append(text)
    return f"When samples crossed their decision boundary: {join(parts)}." if parts else "No samples."


def flip_bars(flipped: np.ndarray, groups: np.ndarray, rounds: Sequence[int], *, height: int = 260) -> go.Figure:
    """How many samples changed their predicted class in each round, as a share of their group.

    Args:
        flipped: (rounds, n) bool as `cu_core.metrics.drift.events.flips` gives it.
        groups: (n,) group names.
        rounds: their numbers, ascending.
        height: px of the pane.
    """
    figure = go.Figure()
    for group in GROUPS:
        inside = groups == group
        if inside.any():
            counts = flipped[1:, inside].sum(1)
            name = f"{TITLES[group]} ({int(flipped[:, inside].any(0).sum()):,} of {int(inside.sum()):,} ever)"
            figure.add_trace(_bars(list(rounds[1:]), counts, int(inside.sum()), group, name, "flipped"))
    return _by_round(figure, rounds[1:], "Share of the group that flipped", height)


def event_table(
    probe: pd.DataFrame,
    classes: Sequence[str],
    rounds: Sequence[int],
    boundary: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
    displacement: np.ndarray,
    relative: np.ndarray | None = None,
    *,
    references: Sequence[np.ndarray] = (),
    rows: np.ndarray | None = None,
) -> pd.DataFrame:
    """One line per sample with what happened to it up to the last of the rounds; every column can be sorted.

    Args:
        probe: the recorded samples: columns ``sample``, ``group``, ``label``.
        classes: names by label; numbers are shown where they are unknown.
        rounds: numbers of the recorded rounds, ascending, with round 0. Up to an earlier round: pass fewer.
        boundary: per round (n,) signed distances, array ``boundary`` (of older runs
            `cu_core.metrics.boundary.logit_gap`).
        predictions: per round (n,) predicted classes, first column of ``top3_class``.
        displacement: (n,) of the last of the rounds, array ``moved``.
        relative: (n,) array ``moved_relative`` of that round; None in older runs, and then the column is left out.
        references: (n,) ``boundary`` under each reference, to judge who went too far.
        rows: of the probe to list, in that order; all by default.

    Returns:
        ``Row``, ``Sample``, ``Group``, ``Label``, ``Predicted``, ``Displacement``, ``Relative displacement``,
        ``Crossed in round`` (from which it stays across; <NA> where it does not), ``Flips``, ``Boundary before``,
        ``Boundary after``, ``Event``: ``never left`` or ``too far`` of forget samples, ``dragged along`` of retain
        samples that are wrong now, else empty.
    """
    groups, labels = probe["group"].to_numpy(), probe["label"].to_numpy()
    stays = crossings(boundary, rounds).stays
    table = pd.DataFrame(
        {
            "Row": np.arange(len(probe)),
            "Sample": probe["sample"].to_numpy(),
            "Group": groups,
            "Label": _names(labels, classes),
            "Predicted": _names(np.asarray(predictions[-1]), classes),
            "Displacement": displacement,
            "Relative displacement": displacement if relative is None else relative.astype(np.float32),
            "Crossed in round": pd.array(stays, dtype="Int64"),
            "Flips": flips(predictions).sum(0),
            "Boundary before": boundary[0],
            "Boundary after": boundary[-1],
            "Event": events_of(boundary, labels, groups, references)[0],
        }
    )
    table.loc[stays == NEVER, "Crossed in round"] = pd.NA
    if relative is None:
        table = table.drop(columns="Relative displacement")
    return table if rows is None else table.iloc[rows].reset_index(drop=True)


def events_of(
    boundary: Sequence[np.ndarray], labels: np.ndarray, groups: np.ndarray, references: Sequence[np.ndarray] = ()
) -> tuple[np.ndarray, Overshoot]:
    """The word for what happened to each sample up to the last of the rounds.

    Args:
        boundary: per round (n,) signed distances.
        labels: (n,) int.
        groups: (n,) group names.
        references: (n,) distances under each reference.

    Returns:
        (n,) words, empty for most samples; and the finding about those that went too far, for its `words`.
    """
    forget, retain, unseen = (groups == group for group in GROUPS)
    beyond = overshoot(boundary[-1], labels, forget, retain, unseen, references)
    words = np.full(len(labels), "", dtype=object)
    words[never_left(boundary, forget)] = NEVER_LEFT
    words[beyond.rows] = TOO_FAR
    words[dragged_along(boundary[0], boundary[-1], retain)] = DRAGGED
    return words, beyond


def _names(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    known = {label: class_name(classes, int(label)) for label in np.unique(labels)}
    return np.array([known[label] for label in labels], dtype=object)


def _bars(rounds: list[int], counts: np.ndarray, total: int, group: str, name: str, verb: str) -> go.Bar:
    return go.Bar(
        x=rounds,
        y=counts / total,
        name=name,
        marker={"color": COLOURS[group], "pattern": {"shape": PATTERNS[group], "size": 5}, "line": {"width": 0}},
        customdata=counts,
        hovertemplate=f"{TITLES[group]}, round %{{x}}<br>%{{customdata:,}} of {total:,} {verb} (%{{y:.1%}})"
        "<extra></extra>",
    )


def _by_round(figure: go.Figure, rounds: Sequence[int], title: str, height: int) -> go.Figure:
    figure.update_layout(barmode="group", bargap=0.25)
    # The range is the bars' own: they are wider than a point.
    figure.update_xaxes(round_axis(max(rounds, default=1), most=12) | {"title_text": "Round", "range": None})
    figure.update_yaxes(title_text=title, tickformat=".0%", rangemode="tozero")
    return dress(figure, height=height)
