"""Metric curves over rounds of many runs, with the band of retrained models on the same samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.catalogue.metric_record import METRICS
from cu_core.figures.curves import metric_axis_title
from cu_core.figures.run_style import RunStyle, run_style
from cu_core.figures.theme import COLOURS, FAINT, NO_BAND, dress, join, pane_title, round_axis, tint
from cu_core.metrics.band import Band

MOST_PANES = 4


@dataclass(frozen=True)
class Trajectory:
    """One run over its rounds.

    Attributes:
        name: told on hovering.
        rounds: ascending, with round 0.
        values: metric id to one value per round; None where a round did not measure it.
    """

    name: str
    rounds: tuple[int, ...]
    values: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class TrajectoryLine:
    """A configuration with its runs.

    Attributes:
        label: in the legend.
        runs: one per seed.
    """

    label: str
    runs: tuple[Trajectory, ...]


def mean_trajectory(line: TrajectoryLine, metric: str) -> tuple[list[int], list[float]]:
    """Mean over a line's runs in every round; a run that has ended keeps its last value.

    Without that, the mean of the last rounds would be that of the runs which took longest.

    Args:
        line: the configuration.
        metric: id of the metric.

    Returns:
        Rounds and means; rounds in which no run has measured anything yet are left out.
    """
    rounds = sorted({number for run in line.runs for number in run.rounds})
    means, kept = [], []
    for number in rounds:
        values = [value for run in line.runs if (value := _last(run, metric, number)) is not None]
        if values:
            kept.append(number)
            means.append(sum(values) / len(values))
    return kept, means


def trajectories(
    lines: Sequence[TrajectoryLine],
    metrics: Sequence[str],
    bands: Mapping[str, Sequence[Band]],
    *,
    means: bool,
    height: int = 300,
    narrow: bool = False,
) -> go.Figure:
    """One pane per metric.

    Args:
        lines: configurations in their order, which decides their style.
        metrics: ids, `MOST_PANES` at most.
        bands: metric id to the references' bands on the recorded samples, each once.
        means: draw the mean over a line's runs strong and the runs faint; otherwise every run alike.
        height: px of a pane.
        narrow: whether it is drawn on a phone, where panes stand one below the other.
    """
    chosen = list(metrics)[:MOST_PANES]
    down, across = (max(1, len(chosen)), 1) if narrow else (1, max(1, len(chosen)))
    figure = make_subplots(
        rows=down,
        cols=across,
        vertical_spacing=0.34 / down if down > 1 else 0.0,
        subplot_titles=[
            pane_title(METRICS[metric].title.replace("Unseen accuracy, ", "Unseen, ")) for metric in chosen
        ],
        horizontal_spacing=0.06,
    )
    named: set[int] = set()
    last = max([1, *(number for line in lines for run in line.runs for number in run.rounds)])
    axis = round_axis(last, most=6)
    ends = axis["range"]
    for position, metric in enumerate(chosen):
        cell = {"row": position // across + 1, "col": position % across + 1}
        for band in bands.get(metric, ()):
            first = not any(trace.legendgroup == "reference" and trace.showlegend for trace in figure.data)
            for trace in _band(band, ends, metric, showlegend=first):
                figure.add_trace(trace, **cell)
        for index, line in enumerate(lines):
            traces = _line(index, line, metric, means=means, showlegend=index not in named)
            named |= {index} if traces else set()
            for trace in traces:
                figure.add_trace(trace, **cell)
        percent, bounded = METRICS[metric].percent, METRICS[metric].bounded
        upward: dict[str, Any] = {"tickformat": ".0%"} if percent else {}
        if percent or bounded:
            upward["range"] = [-1.05, 1.05] if _lowest(lines, metric, bands.get(metric, ())) < 0 else [-0.03, 1.03]
        figure.update_yaxes(upward, title_text=metric_axis_title(metric), **cell)
    figure.update_xaxes(axis).update_xaxes(title_text="Round (0 = before)", row=down)
    return dress(figure, height=height * down)


def trajectories_words(
    lines: Sequence[TrajectoryLine], metrics: Sequence[str], bands: Mapping[str, Sequence[Band]], *, means: bool
) -> str:
    """What the band is and what a mean does with a run that has ended; neither where there is none."""
    banded = sum(bool(bands.get(metric)) for metric in metrics)
    where = ", where it is drawn" if banded < len(metrics) else ""
    said = [f"Band{where}: 95 % prediction band of the retrained models on the same samples." if banded else NO_BAND]
    if means and any(len(line.runs) > 1 for line in lines):
        said.append("In a mean over seeds a run that has ended keeps its last value.")
    return " ".join(said)


def trajectories_alt(lines: Sequence[TrajectoryLine], metrics: Sequence[str]) -> str:
    """First and last means in words."""
    sentences = []
    for line in lines:
        parts = []
        for metric in metrics:
            rounds, values = mean_trajectory(line, metric)
            if rounds:
                ends = [f"{v:.1%}" if METRICS[metric].percent else f"{v:.3f}" for v in (values[0], values[-1])]
                parts.append(f"{METRICS[metric].title.lower()} from {ends[0]} to {ends[1]}")
        if parts:
            sentences.append(f"{line.label}: {join(parts)}.")
    return " ".join(sentences) or "No round has been recorded yet."


def _last(run: Trajectory, metric: str, number: int) -> float | None:
    known = [v for k, v in zip(run.rounds, run.values.get(metric, ()), strict=False) if k <= number and v is not None]
    return known[-1] if known else None


def _line(index: int, line: TrajectoryLine, metric: str, *, means: bool, showlegend: bool) -> list[go.Scatter]:
    style = run_style(index)
    several = means and len(line.runs) > 1
    group = {"name": line.label, "legendgroup": f"line {index}"}
    measured = [run for run in line.runs if any(v is not None for v in run.values.get(metric, ()))]
    traces = []
    for number, run in enumerate(measured):
        values = [math.nan if v is None else v for v in run.values[metric]]
        legend = group | {"showlegend": showlegend and not several and number == 0}
        traces.append(_scatter(run.rounds, values, run.name, metric, style, faint=several, legend=legend))
    if several and traces:
        rounds, means_of = mean_trajectory(line, metric)
        name = f"{line.label}, mean of {len(line.runs)} seeds"
        legend = group | {"showlegend": showlegend}
        traces.append(_scatter(rounds, means_of, name, metric, style, faint=False, legend=legend))
    return traces


def _scatter(
    rounds: Sequence[int],
    values: Sequence[float],
    name: str,
    metric: str,
    style: RunStyle,
    *,
    faint: bool,
    legend: Mapping[str, object],
) -> go.Scatter:
    shown = "%{y:.1%}" if METRICS[metric].percent else "%{y:.3f}"
    return go.Scatter(
        x=list(rounds),
        y=list(values),
        mode="lines" if faint else "lines+markers",
        line={"color": tint(style.colour, FAINT if faint else 1), "dash": style.dash, "width": 1.2 if faint else 2},
        marker={"symbol": style.symbol, "size": 6},
        connectgaps=True,
        hovertemplate=f"{name}<br>round %{{x}}: {shown}<extra></extra>",
        **legend,
    )


def _lowest(lines: Sequence[TrajectoryLine], metric: str, bands: Sequence[Band]) -> float:
    """The least that is drawn of a metric: cosines may be below 0."""
    measured = (value for line in lines for run in line.runs for value in run.values.get(metric, ()))
    known = [value for value in (*measured, *(band.mean for band in bands)) if value is not None]
    return min((value for value in known if not math.isnan(value)), default=0.0)


def _band(band: Band, ends: Sequence[float], metric: str, *, showlegend: bool) -> list[go.Scatter]:
    shown = "%{y:.1%}" if METRICS[metric].percent else "%{y:.3f}"
    common = {"legendgroup": "reference"}
    low, high = band.ends(*METRICS[metric].ends)
    return [
        go.Scatter(
            x=[*ends, *ends[::-1]],
            y=[low, low, high, high],
            fill="toself",
            fillcolor=tint(COLOURS["reference"], 0.18),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            **common,
        ),
        go.Scatter(
            x=list(ends),
            y=[band.mean, band.mean],
            mode="lines",
            name="Retrained, 95 % band",
            showlegend=showlegend,
            line={"color": COLOURS["reference"], "dash": "dash", "width": 2},
            hovertemplate=f"mean of {band.count} retrained models: {shown}<extra></extra>",
            **common,
        ),
    ]
