"""Metrics over rounds as small charts, with the retrained models' level and band and a line at the round shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cu_core.analysis.site.svg_pane import (
    BOTTOM,
    HEIGHT,
    TOP,
    ChartAxis,
    ChartPane,
    even_ticks,
    percent_ticks,
    polyline,
    px,
)
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.stopping import STOPPING_RULES
from cu_core.figures.curves import Pane, RunCurves, curves_alt, panes, signal_panes

ROUNDS = "Round (0 = before)"
FREE = 0.05
"""Share of an axis beyond the first and the last round, so that marks are whole."""


def round_charts(run: RunCurves, metrics: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Title and SVG of each chart; none before the first round.

    Args:
        run: the curves.
        metrics: one chart each; by default accuracies, then what gives membership away.
    """
    if not len(run.metrics):
        return []
    wanted = [(name,) for name in metrics if run.has(name)]
    usual: list[Pane] = [*((name,) for name in panes([run])), *signal_panes([run])]
    return [_chart(run, pane) for pane in wanted or usual]


def _chart(run: RunCurves, pane: Pane) -> tuple[str, str]:
    drawn_on = ChartPane(_rounds(run), _values(run, pane))
    parts = [*_reference(run, pane[0], drawn_on), *_threshold(run, pane[0], drawn_on)]
    for name in filter(run.has, pane):
        parts += _line(run, name, drawn_on)
    last = float(run.metrics["round"].max())
    x0, x1 = drawn_on.x(0), drawn_on.x(1)
    # The script of the page moves it: x of round 0, and px per round.
    parts.append(
        f'<path class="here" data-x="{px(x0)}" data-step="{x1 - x0:.4f}" '
        f'd="M0 {TOP}V{HEIGHT - BOTTOM}" transform="translate({px(drawn_on.x(last))} 0)"/>'
    )
    return _title(run, pane), drawn_on.svg(parts, curves_alt([run], [pane]))


def _title(run: RunCurves, pane: Pane) -> str:
    metric = METRICS[pane[0]]
    if len(pane) > 1:
        return metric.title.rpartition(",")[0]
    count = run.counts.get(metric.group)
    counted = f" (n = {count:,})" if count is not None and metric.whole_group else ""
    return f"{metric.title_for(run.objective)}{counted}"


def _rounds(run: RunCurves) -> ChartAxis:
    last = max(float(run.metrics["round"].max()), 1.0)
    whole = tuple((value, label) for value, label in even_ticks(0, last, 7) if value == int(value))
    return ChartAxis(ROUNDS, -FREE * last, (1 + FREE) * last, tuple((v, label.partition(".")[0]) for v, label in whole))


def _values(run: RunCurves, pane: Pane) -> ChartAxis:
    metric = METRICS[pane[0]]
    if metric.percent:
        return ChartAxis("Share of samples, in %", -0.03, 1.03, percent_ticks(0, 1))
    known = [float(v) for name in pane if run.has(name) for v in run.metrics[name].dropna()]
    level = run.reference_level(pane[0])
    if level is not None:
        known += [level[0]] if level[1] is None else list(level[1].ends(*metric.ends))
    title = _unit_title(run, pane)
    if metric.bounded:
        low = -1.0 if min(known) < 0 else 0.0
        return ChartAxis(title, low - 0.03, 1.03, even_ticks(low, 1))
    low, high = min(0.0, *known), max(0.0, *known)
    room = 0.05 * ((high - low) or 1.0)
    return ChartAxis(title, low - room * (low < 0), high + room, even_ticks(low, high + room))


def _unit_title(run: RunCurves, pane: Pane) -> str:
    metric = METRICS[pane[0]]
    name = metric.title.rpartition(",")[0] if len(pane) > 1 else metric.heading or metric.title_for(run.objective)
    return f"{name} ({metric.unit or 'no unit'})"


def _line(run: RunCurves, name: str, drawn_on: ChartPane) -> list[str]:
    group = METRICS[name].group
    known = [
        (float(number), float(value))
        for number, value in zip(run.metrics["round"], run.metrics[name], strict=True)
        if math.isfinite(value)
    ]
    points = [(drawn_on.x(number), drawn_on.y(value)) for number, value in known]
    marks = [
        # Round 0 is "before": hollow, like every before in the program.
        f'<circle class="{"hollow" if number == 0 else "mark"} {group}" cx="{px(x)}" cy="{px(y)}" r="3.5"/>'
        for (number, _), (x, y) in zip(known, points, strict=True)
    ]
    return [f'<path class="line {group}" d="{polyline(points)}"/>', *marks]


def _reference(run: RunCurves, name: str, drawn_on: ChartPane) -> list[str]:
    level = run.reference_level(name)
    if level is None:
        return []
    mean, width, _ = level
    left, right = drawn_on.x(drawn_on.across.low), drawn_on.x(drawn_on.across.high)
    y = drawn_on.y(mean)
    parts = [f'<path class="level" d="M{px(left)} {px(y)}H{px(right)}"/>']
    if width is not None:
        low, high = (drawn_on.y(end) for end in width.ends(*METRICS[name].ends))
        parts.insert(
            0,
            f'<rect class="band" x="{px(left)}" y="{px(high)}" width="{px(right - left)}" height="{px(low - high)}"/>',
        )
    return parts


def _threshold(run: RunCurves, name: str, drawn_on: ChartPane) -> list[str]:
    rule = STOPPING_RULES.get(run.rule_name)
    if run.rule.empty or rule is None or rule.metric != name:
        return []
    known = run.rule.dropna(subset=["threshold"])
    if known.empty:
        return []
    points = [
        (drawn_on.x(float(number)), drawn_on.y(float(value)))
        for number, value in zip(known["round"], known["threshold"], strict=True)
    ]
    if known["threshold"].nunique() == 1:
        ends = (drawn_on.across.low, drawn_on.across.high)
        points = [(drawn_on.x(end), points[0][1]) for end in ends]
    return [f'<path class="threshold" d="{polyline(points)}"/>']
