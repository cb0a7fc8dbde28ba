"""Distributions of what was recorded of every sample: before, every round, and the retrained model, on the same axes.

All rounds lie in one chart, and the page shows the one that is chosen; without its script it shows the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.analysis.recorded_signals import cosine_of, signal_of
from cu_core.analysis.scenes import state_name
from cu_core.analysis.site.svg_pane import ChartAxis, ChartPane, decade_ticks, even_ticks, percent_ticks, px
from cu_core.figures.confidence_panes import (
    ConfidencePane,
    SampleSignal,
    common_bins,
    distributions_alt,
    highest_share,
    shares,
    signals_for,
    spread_of,
)
from cu_core.figures.similarity_panes import COSINES
from cu_core.figures.theme import GROUPS, TITLES
from cu_core.runstore.reader import RunView

CONFIDENCES = ("probability", "margin", "loss")
SHARE = "Share of samples per bin"
REFERENCE = "Reference (retrained)"


@dataclass(frozen=True)
class MomentCharts:
    """The charts of one signal.

    Attributes:
        title: of the signal.
        summary: what it says, in a sentence.
        panes: title and SVG of each chart: before, the rounds, and the reference where there is one.
        medians: group title, its samples, and its median before, after the last round and in the reference; NaN where
            it was not recorded.
    """

    title: str
    summary: str
    panes: list[tuple[str, str]]
    medians: list[tuple[str, int, float, float, float]]


def confidence_charts(view: RunView, rounds: Sequence[int]) -> list[MomentCharts]:
    """How sure the model is of every sample, in the signals that were recorded.

    Args:
        view: the run.
        rounds: its recorded rounds, ascending, beginning with 0.
    """
    found = []
    for name in CONFIDENCES:
        signal = signals_for([view.spec.train.objective])[name]
        recorded = {k: signal_of(view, signal.array, k) for k in rounds}
        references = [signal_of(view, signal.array, None, seed) for seed in view.references()]
        found.append(_charts(view, signal, rounds, recorded, references, log=name == "loss"))
    return [charts for charts in found if charts is not None]


def cosine_charts(view: RunView, rounds: Sequence[int]) -> list[MomentCharts]:
    """How alike two views of an image are to the model, and how near every sample is to its class; as above."""
    found = []
    for name, signal in COSINES.items():
        recorded = {k: cosine_of(view, name, k) for k in rounds}
        references = [cosine_of(view, name, None, seed) for seed in view.references()]
        found.append(_charts(view, signal, rounds, recorded, references))
    return [charts for charts in found if charts is not None]


def _charts(
    view: RunView,
    signal: SampleSignal,
    rounds: Sequence[int],
    recorded: Mapping[int, np.ndarray | None],
    references: Sequence[np.ndarray | None],
    *,
    log: bool = False,
) -> MomentCharts | None:
    """None where nothing was recorded."""
    probe = view.probe()
    # As everywhere, samples that the stopping rule looks at are not reported.
    kept = ~probe["rule"].to_numpy()
    groups = probe["group"].to_numpy()[kept]
    last = rounds[-1]
    moments = {
        k: ConfidencePane(state_name(k, last), groups, values[kept], "before" if k == 0 else "round")
        for k, values in recorded.items()
        if values is not None and np.isfinite(values[kept]).any()
    }
    if not moments:
        return None
    retrained = [ConfidencePane(REFERENCE, groups, v[kept], "reference") for v in references if v is not None]
    every = [*moments.values(), *retrained]
    edges = common_bins(signal, [pane.values for pane in every], log=log)
    ground = _ground(signal, edges, highest_share(every, edges), log=log)
    panes = []
    if 0 in moments:
        panes.append(
            (moments[0].title, ground.svg(_steps(ground, moments[0], edges), distributions_alt(signal, [moments[0]])))
        )
    later = [k for k in rounds if k > 0]
    known = sorted(moments)
    if later and known[-1] > 0:
        panes.append(
            ("", ground.svg(_by_round(ground, moments, later, edges), distributions_alt(signal, [moments[known[-1]]])))
        )
    if retrained:
        spread = spread_of(retrained, edges)
        parts = [_band(ground, *ends, edges) for ends in spread.values()]
        count = f", first of {len(retrained)}" if len(retrained) > 1 else ""
        drawn = [*parts, *_steps(ground, retrained[0], edges)]
        panes.append((f"{REFERENCE}{count}", ground.svg(drawn, distributions_alt(signal, retrained[:1]))))
    medians = []
    for group in GROUPS:
        first, final = (_median(moments.get(k), group) for k in (0, known[-1]))
        reference = _median(retrained[0] if retrained else None, group)
        samples = len(moments[known[-1]].of(group))
        if samples:
            medians.append((TITLES[group], samples, first, final, reference))
    return MomentCharts(signal.title, signal.summary, panes, medians)


def _ground(signal: SampleSignal, edges: np.ndarray, top: float, *, log: bool) -> ChartPane:
    low, high = float(edges[0]), float(edges[-1])
    ticks = decade_ticks(low, high, 4) if log else even_ticks(low, high)
    return ChartPane(
        ChartAxis(signal.axis, low, high, ticks, log), ChartAxis(SHARE, 0.0, 1.06 * top, percent_ticks(0.0, 1.06 * top))
    )


def _by_round(
    ground: ChartPane, moments: Mapping[int, ConfidencePane], later: Sequence[int], edges: np.ndarray
) -> list[str]:
    """A layer per round; where a round did not record the signal, the latest one before it that did."""
    parts = []
    for number in later:
        latest = max((k for k in moments if k <= number), default=min(moments))
        here = " here" if number == later[-1] else ""
        steps = "".join(_steps(ground, moments[latest], edges))
        title = moments[latest].title if latest == number else f"{moments[latest].title}, the latest with this signal"
        parts.append(f'<g class="moment{here}" data-round="{number}" data-title="{title}">{steps}</g>')
    return parts


def _steps(ground: ChartPane, pane: ConfidencePane, edges: np.ndarray) -> list[str]:
    """The outline of each group's histogram, filled unless it is of before, with a dashed line at its mean."""
    parts = []
    kind = "outline" if pane.kind == "before" else "steps"
    for group in ("retain", "unseen", "forget"):
        values = pane.of(group)
        if not len(values):
            continue
        heights = shares(values, edges)
        parts.append(f'<path class="{kind} {group}" d="{_stairs(ground, edges, heights)}"/>')
        mean = px(ground.x(float(values.mean())))
        parts.append(f'<path class="mean {group}" d="M{mean} {px(ground.y(0))}V{px(ground.y(ground.upward.high))}"/>')
    return parts


def _stairs(ground: ChartPane, edges: np.ndarray, heights: np.ndarray) -> str:
    """From the foot over all bins and back to it; bins that are equally high share a step."""
    parts, at = [f"M{px(ground.x(float(edges[0])))} {px(ground.y(0))}"], px(ground.y(0))
    for k, height in enumerate(heights):
        y = px(ground.y(float(height)))
        if y != at:
            parts.append(f"H{px(ground.x(float(edges[k])))}V{y}")
            at = y
    return "".join(parts) + f"H{px(ground.x(float(edges[-1])))}V{px(ground.y(0))}"


def _band(ground: ChartPane, low: np.ndarray, high: np.ndarray, edges: np.ndarray) -> str:
    """Between the lowest and the highest share of the retrained models, bin by bin."""
    boxes = []
    for k, (bottom, top) in enumerate(zip(low, high, strict=True)):
        if top > bottom:
            x0, x1 = (px(ground.x(float(edges[k + side]))) for side in (0, 1))
            y0, y1 = (px(ground.y(float(end))) for end in (bottom, top))
            boxes.append(f"M{x0} {y0}V{y1}H{x1}V{y0}Z")
    return f'<path class="band" d="{"".join(boxes)}"/>'


def _median(pane: ConfidencePane | None, group: str) -> float:
    values = pane.of(group) if pane is not None else np.empty(0)
    return float(np.median(values)) if len(values) else float("nan")
