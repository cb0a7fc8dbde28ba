"""Figures of one membership attack: score histograms, ROC curve, decisions at a threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.catalogue.attack_record import WAYS
from cu_core.figures.confidence_panes import shares
from cu_core.figures.stacked_panes import name_middle, stacked_panes
from cu_core.figures.theme import COLOURS, NEUTRAL, dress, note_font, pane_title, share_x_title, tint
from cu_core.metrics.roc import LOW_FPR, decision_numbers, ranking_numbers, roc_curve

BINS = 40
PANE_PX = 130
"""Px of a pane on a phone."""

MOST_STEPS = 1_000
"""Steps of a ROC curve at its low end that are all drawn, and of the rest at most."""

OUTER_SHARE = 0.005
"""Share of the scores that may lie beyond each end of the axis, and counts into the outermost bins."""

LOG_TICKS = (1e-5, 1e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Ticks of the logarithmic axis, few enough to be read side by side."""

# Members are forget samples, the others unseen ones: they keep their colours.
SIDES = {"members": ("forget", "Members (forget)"), "others": ("unseen", "Non-members (unseen)")}
MODEL_TITLES = {"before": "Before", "after": "After", "reference": "Reference"}
MODEL_COLOURS = {"before": NEUTRAL, "after": "#7B6BE0", "reference": COLOURS["reference"]}
WAY_DASHES = {"refitted": "solid", "transferred": "dash", "shadow": "dot"}


@dataclass(frozen=True)
class Scored:
    """The scores that an attack gave on one model.

    Attributes:
        model: ``"before"``, ``"after"`` or ``"reference"``.
        way: how the attack was fitted, an id of `cu_core.catalogue.attack_record.WAYS`.
        score: (n,) larger means more member-like.
        member: (n,) bool.
        threshold: fitted level, judged a member is what scores at least that much; None if unknown.
    """

    model: str
    way: str
    score: np.ndarray
    member: np.ndarray
    threshold: float | None

    @property
    def title(self) -> str:
        """The model, and how the attack was fitted where that is a choice."""
        if self.model == "before" and self.way == "refitted":
            return "Before, fitted here"
        return f"{MODEL_TITLES[self.model]}, {WAYS[self.way].title.lower()}"


@dataclass(frozen=True)
class Judged:
    """Decisions of an attack at one threshold.

    Attributes:
        accuracy: share judged rightly.
        precision: share of members among those judged members; None where there are none.
        recall: share of members judged members.
        false_positives: share of the others judged members.
    """

    accuracy: float
    precision: float | None
    recall: float
    false_positives: float


def judge(score: np.ndarray, member: np.ndarray, threshold: float) -> Judged:
    """Decisions where everything that scores at least the threshold is judged a member."""
    accused = score >= threshold
    numbers = decision_numbers(accused, member, np.ones((1, len(score))))
    precision = float(numbers["precision"][0])
    return Judged(
        float(numbers["accuracy"][0]),
        None if np.isnan(precision) else precision,
        float(numbers["recall"][0]),
        float(accused[~member].mean()),
    )


def score_bins(scores: Iterable[np.ndarray], levels: Iterable[float | None] = (), bins: int = BINS) -> np.ndarray:
    """Edges that all panes share: nearly all scores and every fitted threshold lie between them.

    Args:
        scores: those of all panes.
        levels: thresholds.
        bins: how many.

    Returns:
        (bins + 1,) ascending edges.
    """
    ends = []
    for score in scores:
        finite = score[np.isfinite(score)].astype(np.float64)
        if len(finite):
            ends += [*np.quantile(finite, (OUTER_SHARE, 1 - OUTER_SHARE))]
    ends += [level for level in levels if level is not None and np.isfinite(level)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    room = 0.02 * (high - low) or 0.5
    return np.linspace(low - room, high + room, bins + 1)


def score_panes(
    panes: Sequence[Scored], edges: np.ndarray, threshold: float, axis: str, *, narrow: bool = False
) -> go.Figure:
    """Scores of members and others as shares, one pane per model, on the same axes and bins.

    The solid line is the threshold that was chosen, the dotted one the fitted threshold of the pane.

    Args:
        panes: from left to right, on a phone from top to bottom.
        edges: common bins, see `score_bins`.
        threshold: chosen by the reader.
        axis: what the score is.
        narrow: whether it is drawn on a phone.
    """
    figure = (
        stacked_panes([(pane.title, pane.model) for pane in panes], PANE_PX)
        if narrow
        else make_subplots(
            rows=1,
            cols=max(1, len(panes)),
            shared_yaxes=True,
            column_titles=[_pane_title(pane) for pane in panes],
            horizontal_spacing=0.03,
        )
    )
    top = 0.0
    for column, pane in enumerate(panes, start=1):
        place = {"row": column, "col": 1} if narrow else {"row": 1, "col": column}
        for side, (group, title) in SIDES.items():
            inside = pane.score[pane.member == (side == "members")]
            heights = shares(inside[np.isfinite(inside)], edges)
            top = max(top, float(heights.max()))
            before = pane.model == "before"
            trace = go.Scatter(
                x=edges,
                y=np.append(heights, heights[-1]),
                customdata=np.append(edges[1:], edges[-1]),
                mode="lines",
                line={
                    "shape": "hv",
                    "color": tint(COLOURS[group], 0.75 if before else 1),
                    "width": 1.5 if before else 2,
                },
                fill=None if before else "tozeroy",
                fillcolor=None if before else tint(COLOURS[group], 0.22),
                name=f"{title} (n = {len(inside):,})",
                legendgroup=group,
                showlegend=column == len(panes),
                hovertemplate=f"{title}<br>%{{y:.1%}} between %{{x:.3g}} and %{{customdata:.3g}}<extra></extra>",
                meta={"side": side, "model": pane.model, "way": pane.way},
            )
            figure.add_trace(trace, **place)
        figure.add_vline(threshold, line={"color": NEUTRAL, "width": 2}, **place)
        if pane.threshold is not None:
            figure.add_vline(pane.threshold, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"}, **place)
    figure.update_xaxes(range=[edges[0], edges[-1]], ticklabelstandoff=4)
    share_x_title(figure, axis, below=30)
    figure.update_yaxes(range=[0, (top or 1.0) * 1.06], tickformat=".0%")
    if narrow:
        name_middle(figure, "Share of samples per bin")
        return dress(figure, height=int(figure.layout.height) + 56, bottom=56)
    figure.update_yaxes(title_text="Share of samples per bin", col=1)
    return dress(figure, height=280, bottom=56)


def scores_alt(panes: Sequence[Scored], threshold: float) -> str:
    """The panes in words."""
    parts = []
    for pane in panes:
        found = judge(pane.score, pane.member, threshold)
        parts.append(
            f"{pane.title}: {found.recall:.0%} of the members and {found.false_positives:.0%} of the others reach it."
        )
    return f"Scores of members and others with the threshold {threshold:.3g}. {' '.join(parts)}"


def roc_figure(curves: Sequence[Scored], *, log: bool = True) -> go.Figure:
    """ROC curves with the chance line and the mark of 1 % false positives.

    Args:
        curves: one line each; colour says the model, dashes the way.
        log: logarithmic axis of false positives, from half a sample on.
    """
    figure = go.Figure()
    fewest = min((int((~c.member).sum()) for c in curves), default=1)
    left = 0.5 / max(fewest, 1)
    ground = np.geomspace(left, 1, 60) if log else np.array([0.0, 1.0])
    figure.add_scatter(
        x=ground,
        y=ground,
        mode="lines",
        line={"color": NEUTRAL, "width": 1.2, "dash": "longdash"},
        name="Chance",
        hoverinfo="skip",
    )
    for curve in curves:
        fpr, tpr, level = roc_curve(curve.score.astype(np.float64), curve.member)
        kept = _drawn_steps(len(fpr))
        auc, low = (float(v[0]) for v in ranking_numbers(curve.score, curve.member, np.ones((1, len(curve.score)))))
        figure.add_scatter(
            # A logarithmic axis has no zero: finding members without any false positive is drawn at its left end.
            x=(np.maximum(fpr, left) if log else fpr)[kept],
            y=tpr[kept],
            customdata=np.column_stack([fpr, level])[kept],
            mode="lines",
            line={"shape": "hv", "color": MODEL_COLOURS[curve.model], "dash": WAY_DASHES[curve.way], "width": 2},
            name=f"{curve.title} (AUC {auc:.2f})",
            hovertemplate=f"{curve.title}<br>%{{y:.1%}} of members at %{{customdata[0]:.2%}} false positives"
            "<br>threshold %{customdata[1]:.3g}<extra></extra>",
            meta={"model": curve.model, "way": curve.way, "auc": auc, "tpr_at_1_fpr": low},
        )
    figure.add_vline(LOW_FPR, line={"color": NEUTRAL, "width": 1.2, "dash": "dot"})
    # Of its own, since the words of a line on a logarithmic axis would be placed as if it were linear.
    figure.add_annotation(
        x=float(np.log10(LOW_FPR)) if log else LOW_FPR,
        y=1,
        yref="paper",
        yanchor="bottom",
        xanchor="left",
        text="1 % FPR",
        showarrow=False,
        font=note_font(),
    )
    figure.update_xaxes(
        type="log" if log else "linear",
        range=[float(np.log10(left)), 0] if log else [0, 1],
        tickvals=[t for t in LOG_TICKS if t >= left] if log else None,
        tickformat="~%",
        title_text="False positive rate: share of non-members judged members",
    )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", title_text="True positive rate")
    return dress(figure, height=380, bottom=56)


def _drawn_steps(steps: int) -> np.ndarray:
    """Which steps of a curve are drawn: all of few, else those at its low end and as many evenly spread."""
    if steps <= 2 * MOST_STEPS:
        return np.arange(steps)
    spread = np.linspace(0, steps - 1, MOST_STEPS).round().astype(np.int64)
    return np.union1d(np.arange(MOST_STEPS), spread)


def roc_words(members: int, others: int) -> str:
    """How fine the curve can be with so many samples."""
    step = 1 / max(others, 1)
    text = f"{members:,} members and {others:,} non-members: one of them is a step of {step:.2%} to the right"
    if step > LOW_FPR:
        return f"{text}, so TPR at 1 % FPR means here that not a single non-member is accused; read it as coarse."
    allowed = int(LOW_FPR * others * (1 + 1e-12))
    return f"{text}, so {allowed:,} accused non-member{'' if allowed == 1 else 's'} make 1 % FPR."


def roc_alt(curves: Sequence[Scored]) -> str:
    """The areas in words."""
    parts = []
    for curve in curves:
        auc, _ = ranking_numbers(curve.score, curve.member, np.ones((1, len(curve.score))))
        parts.append(f"{curve.title} {float(auc[0]):.2f}")
    return f"ROC curves of a membership attack, chance is 0.5. Area under the curve: {'; '.join(parts)}."


def verdict_rows(score: np.ndarray, member: np.ndarray, threshold: float) -> dict[tuple[bool, bool], np.ndarray]:
    """Samples by what they are and what they are judged, nearest to the threshold first.

    Returns:
        Rows by (is a member, is judged a member); ties keep their order.
    """
    order = np.argsort(np.abs(score.astype(np.float64) - threshold), kind="stable")
    accused = score >= threshold
    return {
        (is_member, judged): order[(member[order] == is_member) & (accused[order] == judged)]
        for is_member in (True, False)
        for judged in (True, False)
    }


def _pane_title(pane: Scored) -> str:
    # "Before, fitted here" in two lines: three panes are narrow on a phone.
    name, comma, rest = pane.title.partition(", ")
    return pane_title(f"{name}<br>{rest}" if comma else name, pane.model)
