"""The strongest answers as a ranked list: what stands in for a table of classes where there are many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.base.display_text import cut
from cu_core.figures.class_matrix import Predictions
from cu_core.figures.theme import COLOURS, NEUTRAL, class_name, dress, pane_title, share_x_title, tint

MOST_CLASSES = 20
"""Up to this many classes are drawn as a table; of more, rows become hairlines and names run together."""

MOST_LISTED = 15
ROW = 24
"""Px of a row where runs have a pane each."""

TWO_LINES = 34
"""Px of a row whose name takes two lines, as two classes do on a phone."""

LONGEST, LONGEST_NARROW = 30, 16
"""Letters of the name of a class beside its bar, and on a phone; the whole name appears under the pointer."""

BAR, GAP = 9, 9
"""Px of a bar and of the gap between rows where the states of a run stand beside each other."""

_LOOK = {
    "before": tint(NEUTRAL, 0.45),
    "round": COLOURS["forget"],
    "reference": COLOURS["reference"],
}


def strongest_answers(
    panes: Sequence[Predictions], *, most: int = MOST_LISTED, hide_diagonal: bool = False
) -> list[tuple[int, int]]:
    """Pairs of class and predicted class with the most samples in any of the panes, from many to few.

    Args:
        panes: one state each.
        most: pairs.
        hide_diagonal: leave out correct predictions.
    """
    size = max((len(pane.counts) for pane in panes), default=0)
    found = np.zeros((size, size))
    for pane in panes:
        own = np.zeros((size, size))
        own[: len(pane.counts), : len(pane.counts)] = pane.counts
        found = np.maximum(found, own / max(own.sum(), 1))
    if hide_diagonal:
        np.fill_diagonal(found, 0)
    order = np.argsort(-found, axis=None, kind="stable")[:most]
    return [(int(k) // size, int(k) % size) for k in order if found.flat[k] > 0]


def answer_ranking(
    panes: Sequence[Predictions],
    classes: Sequence[str],
    *,
    states: Sequence[Predictions] = (),
    hide_diagonal: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Bars of the strongest answers, the same rows in every pane and in every round's order of strength.

    States of one run stand beside each other in one pane, which is as wide as the chart; runs have a pane each.

    Args:
        panes: from left to right, or from top to bottom in a row.
        classes: class names by label.
        states: all that the panes may show one after the other, which the axis has room for.
        hide_diagonal: leave out correct predictions.
        narrow: whether it is drawn on a phone.
    """
    listed = strongest_answers(panes, hide_diagonal=hide_diagonal)
    alone = len({true for pane in panes for true in np.flatnonzero(pane.counts.sum(1))}) <= 1
    names = [_pair(classes, true, predicted, alone) for true, predicted in listed]
    together = len({pane.kind for pane in panes}) == len(panes)
    figure = make_subplots(
        rows=1,
        cols=1 if together else len(panes),
        shared_yaxes=True,
        column_titles=None if together else [pane_title(pane.title, pane.kind) for pane in panes],
        horizontal_spacing=0.03,
    )
    top = max((_highest_share(state, hide_diagonal=hide_diagonal) for state in (*panes, *states)), default=0.0)
    for column, pane in enumerate(panes, start=1):
        total = int(pane.counts.sum())
        counts = [int(pane.counts[t, p]) if max(t, p) < len(pane.counts) else 0 for t, p in listed]
        shown = [count / max(total, 1) for count in counts]
        trace = go.Bar(
            x=shown,
            y=np.arange(len(listed)),
            orientation="h",
            name=pane.title,
            marker={"color": _LOOK.get(pane.kind, COLOURS["forget"]), "line": {"width": 0}},
            customdata=[[name, count, total] for name, count in zip(names, counts, strict=True)],
            hovertemplate=f"{pane.title}<br>%{{customdata[0]}}: %{{customdata[1]:,}} of %{{customdata[2]:,}} samples"
            " (%{x:.1%})<extra></extra>",
            showlegend=together,
        )
        figure.add_trace(trace, row=1, col=1 if together else column)
    letters = LONGEST_NARROW if narrow else LONGEST
    ticks = [_pair(classes, *pair, alone, letters, " →<br>" if narrow else " → ") for pair in listed]
    figure.update_layout(barmode="group")
    figure.update_xaxes(range=[0, (top or 1.0) * 1.05], tickformat=".0%", nticks=4)
    figure.update_yaxes(
        tickvals=np.arange(len(listed)), ticktext=ticks, range=[len(listed) - 0.4, -0.6], showgrid=False
    )
    where = "each state" if together else "the pane"
    share_x_title(figure, f"Share of the samples in {where}", below=26, at_end=narrow)
    row = BAR * len(panes) + GAP if together else ROW
    if narrow and any("<br>" in tick for tick in ticks):
        row = max(row, TWO_LINES)
    return dress(figure, height=row * max(len(listed), 1) + 56, bottom=56)


def _highest_share(pane: Predictions, *, hide_diagonal: bool) -> float:
    counts = np.array(pane.counts, float)
    total = max(counts.sum(), 1.0)
    if hide_diagonal:
        np.fill_diagonal(counts, 0)
    return float(counts.max(initial=0.0) / total)


def ranking_words(panes: Sequence[Predictions], *, hide_diagonal: bool = False) -> str:
    """How many answers the list holds, and how much it leaves out, in a sentence."""
    listed = strongest_answers(panes, hide_diagonal=hide_diagonal)
    held = [
        sum(int(pane.counts[t, p]) for t, p in listed if max(t, p) < len(pane.counts)) / max(int(pane.counts.sum()), 1)
        for pane in panes
    ]
    kind = "wrong answers" if hide_diagonal else "answers"
    least = min(held, default=0)
    share = "all samples" if least == 1 else f"{least:.0%} of the samples or more"
    return f"With many classes the {len(listed)} most frequent {kind} are listed instead of a table; they hold {share}."


def _pair(
    classes: Sequence[str], true: int, predicted: int, alone: bool, letters: int | None = None, arrow: str = " → "
) -> str:
    asked, answer = (class_name(classes, label) for label in (true, predicted))
    if letters is not None:
        asked, answer = cut(asked, letters), cut(answer, letters)
    if alone:
        return f"<b>{answer} (right)</b>" if true == predicted else answer
    return f"<b>{answer} (right)</b>" if true == predicted else f"{asked}{arrow}{answer}"
