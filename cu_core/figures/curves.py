"""Metrics over rounds, with the stopping threshold and the reference's level drawn in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.base.display_text import counted
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.stopping import STOPPING_RULES
from cu_core.figures.theme import COLOURS, GRID, NEUTRAL, SYMBOLS, dress, join, pane_title, round_axis, run_line, tint
from cu_core.metrics.band import Band, band

_CLASS_PANES = ("forget_acc", "retain_acc", "test_acc_forgotten", "test_acc_retained")
_SAMPLE_PANES = ("forget_acc", "retain_acc", "test_acc")

SIGNAL_PANES = (
    ("forget_two_view", "unseen_two_view"),
    ("forget_loss", "unseen_loss"),
    ("forget_top1", "unseen_top1"),
    ("mia_auc",),
)
"""What gives membership away, forget and unseen samples in one pane: after unlearning they should meet."""

Pane = tuple[str, ...]
"""Metrics that are drawn over each other."""


@dataclass(frozen=True)
class RunCurves:
    """What the curves need to know of one run.

    Attributes:
        label: name in the legend.
        metrics: one row per round: ``round`` and metric columns (shares 0..1; NaN where not measured).
        counts: samples per group behind each value.
        rule: one row per round at which the stopping rule looked: ``round``, ``value``, ``threshold``.
        rule_name: ``"class"``, ``"sample"`` or empty.
        objective: kind of the model, as in `cu_core.catalogue.metric_record.Metric`.
        reference: one row per reference seed with metric columns; empty if there is none.
    """

    label: str
    metrics: pd.DataFrame
    counts: Mapping[str, int] = field(default_factory=dict)
    rule: pd.DataFrame = field(default_factory=pd.DataFrame)
    rule_name: str = ""
    objective: str = "supervised"
    reference: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def from_manifests(
        cls,
        label: str,
        rounds: Sequence[Mapping[str, Any]],
        references: Sequence[Mapping[str, Any]] = (),
        objective: str = "supervised",
    ) -> RunCurves:
        """Collects the curves from the manifests of a run directory.

        Args:
            label: name in the legend.
            rounds: manifests of the rounds so far, in any order.
            references: manifests of the references.
            objective: kind of the model.
        """
        ordered = sorted(rounds, key=lambda manifest: manifest["round"])
        looked = [(m["round"], m["rule"]) for m in ordered if m.get("rule")]
        rule = pd.DataFrame(
            [{"round": k, "value": r.get("value"), "threshold": r.get("threshold")} for k, r in looked], dtype=float
        )
        return cls(
            label=label,
            metrics=pd.DataFrame([{"round": m["round"], **m["metrics"]} for m in ordered], dtype=float),
            counts=dict(ordered[-1].get("counts", {})) if ordered else {},
            rule=rule,
            rule_name=looked[-1][1].get("name", "") if looked else "",
            objective=objective,
            reference=pd.DataFrame([dict(m["metrics"]) for m in references], dtype=float),
        )

    def has(self, metric: str) -> bool:
        """Whether any round measured this metric."""
        return metric in self.metrics and bool(self.metrics[metric].notna().any())

    def reference_level(self, metric: str) -> tuple[float, Band | None, int] | None:
        """Mean, band (None for a single one) and number of references; None if there are none."""
        if metric not in self.reference:
            return None
        values = self.reference[metric].dropna()
        if values.empty:
            return None
        # How many of the unseen samples are of one side of the classes is not known here.
        record = METRICS[metric]
        counted = self.counts.get(record.group) if record.percent and record.whole_group else None
        return float(values.mean()), band(list(values), counted), len(values)


def panes(runs: Sequence[RunCurves]) -> tuple[str, ...]:
    """Accuracy metrics worth a pane: by class where a class was forgotten, overall otherwise."""
    # By the classes that stay: no encoder has an accuracy on those that are forgotten.
    wanted = _CLASS_PANES if runs and all(run.has("test_acc_retained") for run in runs) else _SAMPLE_PANES
    return tuple(metric for metric in wanted if any(run.has(metric) for run in runs))


def signal_panes(runs: Sequence[RunCurves]) -> tuple[Pane, ...]:
    """Those of `SIGNAL_PANES` that any of the runs measured."""
    return tuple(pane for pane in SIGNAL_PANES if any(run.has(metric) for run in runs for metric in pane))


def curves(
    runs: Sequence[RunCurves], metrics: Sequence[str | Pane] | None = None, *, columns: int = 2, height: int = 200
) -> go.Figure:
    """Metrics over rounds in one pane each, with shared axes.

    One run is drawn in the colours of its groups; several runs get a colour and a dash each. The
    dashed line in the reference's colour is the mean over the references, its band the 95 % prediction interval for
    one more reference (from two on, see `cu_core.metrics.band`). The dotted line is the stopping rule's
    threshold.

    Args:
        runs: one or several runs.
        metrics: one pane each, a metric or, for a single run, several that are drawn over each other; by default
            the accuracies that fit the task.
        columns: most panes in a row.
        height: px per row of panes.

    Raises:
        KeyError: a metric that no evaluation reports.
    """
    chosen = _panes(runs, metrics)
    same_scale = all(METRICS[metric].percent for pane in chosen for metric in pane)
    across = max(1, min(columns, len(chosen)))
    down = max(1, math.ceil(len(chosen) / across))
    figure = make_subplots(
        rows=down,
        cols=across,
        shared_xaxes=True,
        shared_yaxes=same_scale,
        subplot_titles=[pane_title(_pane_title(pane, runs)) for pane in chosen],
        horizontal_spacing=(0.025 if same_scale else 0.06) if across > 1 else 0.0,
        vertical_spacing=0.34 / down if down > 1 else 0.0,
    )
    legend_shown: set[str] = set()
    for position, pane in enumerate(chosen):
        cell = {"row": position // across + 1, "col": position % across + 1}
        for trace in _traces(runs, pane, legend_shown):
            figure.add_trace(trace, **cell)
        first = not same_scale or cell["col"] == 1
        figure.update_yaxes(_y_axis(runs, pane) | ({"title_text": metric_axis_title(pane[0])} if first else {}), **cell)
        if position >= len(chosen) - across:
            figure.update_xaxes(title_text="Round (0 = before)", showticklabels=True, **cell)
    last = max((run.metrics["round"].max() for run in runs if len(run.metrics)), default=1)
    figure.update_xaxes(round_axis(last))
    return dress(figure, height=down * height)


def metric_axis_title(metric: str) -> str:
    """What is counted upwards where a pane's own title says of what: a share, an area, or a mean with its unit."""
    record = METRICS[metric]
    if record.percent:
        return "Share of samples"
    if record.ranks:
        return "AUC (0.5 = chance)"
    return f"Mean ({record.unit})" if record.unit else "Mean"


def curves_alt(runs: Sequence[RunCurves], metrics: Sequence[str | Pane] | None = None) -> str:
    """The curves in one sentence per run, for people who do not see them."""
    chosen = [metric for pane in _panes(runs, metrics) for metric in pane]
    sentences = []
    for run in runs:
        parts = []
        for metric in chosen:
            if run.has(metric):
                values = run.metrics[metric].dropna()
                parts.append(
                    f"{_lower_first(METRICS[metric].title_for(run.objective))} from {_number(metric, values.iloc[0])} "
                    f"to {_number(metric, values.iloc[-1])}"
                )
        if parts:
            sentences.append(f"{run.label}, rounds 0 to {int(run.metrics['round'].max())}: {join(parts)}.")
    return " ".join(sentences) or "No round has been recorded yet."


def _panes(runs: Sequence[RunCurves], metrics: Sequence[str | Pane] | None) -> tuple[Pane, ...]:
    wanted = metrics if metrics is not None else panes(runs)
    return tuple((pane,) if isinstance(pane, str) else pane for pane in wanted)


def _traces(runs: Sequence[RunCurves], pane: Pane, legend_shown: set[str]) -> list[go.Scatter]:
    alone = len(runs) == 1
    traces: list[go.Scatter] = []
    for index, run in enumerate(runs):
        # Of several metrics the reference's level is that of the first; to a reference both groups are the same.
        traces += _reference(run, pane[0], alone, legend_shown)
        traces += _threshold(run, pane[0], alone, legend_shown)
        for metric in filter(run.has, pane):
            group = METRICS[metric].group
            if not alone:
                name, legend, shown = run.label, f"run {index}", _first(f"run {index}", legend_shown)
            elif len(pane) == 1:
                name, legend, shown = METRICS[metric].title, "run 0", False
            else:
                name, legend, shown = f"{group.capitalize()} samples", group, _first(group, legend_shown)
            style = {"color": COLOURS[group], "dash": "solid", "width": 2} if alone else run_line(index)
            traces.append(_line(run, metric, style, {"name": name, "legendgroup": legend, "showlegend": shown}))
    return traces


def _line(run: RunCurves, metric: str, style: dict[str, Any], legend: dict[str, Any]) -> go.Scatter:
    symbol = SYMBOLS[METRICS[metric].group]
    return go.Scatter(
        x=run.metrics["round"],
        y=run.metrics[metric],
        mode="lines+markers",
        # What is not recorded in every round is joined over the rounds between.
        connectgaps=METRICS[metric].recorded == "some",
        line=style,
        marker={
            # Round 0 is "before": hollow, like every before in the app.
            "symbol": [f"{symbol}-open" if k == 0 else symbol for k in run.metrics["round"]],
            "size": 8,
            "color": style["color"],
        },
        hovertemplate=f"{run.label}<br>round %{{x}}: {_hover_value(metric)}<extra></extra>",
        **legend,
    )


def _reference(run: RunCurves, metric: str, alone: bool, legend_shown: set[str]) -> list[go.Scatter]:
    level = run.reference_level(metric)
    if level is None or not len(run.metrics):
        return []
    mean, width, models = level
    ends = [-0.3, max(float(run.metrics["round"].max()), 1.0) + 0.3]
    traces = []
    spread = ""
    if width is not None:
        low, high = width.ends(*METRICS[metric].ends)
        spread = f", 95 % band {_number(metric, low)} to {_number(metric, high)}"
        traces.append(
            go.Scatter(
                x=[*ends, *ends[::-1]],
                y=[low, low, high, high],
                fill="toself",
                fillcolor=tint(COLOURS["reference"], 0.22),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                legendgroup="reference",
            )
        )
    models_text = counted(models, "model")
    shown = f"{models_text}{', mean and 95 % band' if models > 1 else ''}" if alone else "mean and 95 % band"
    label = "" if alone else f"{run.label}<br>"
    traces.append(
        go.Scatter(
            x=ends,
            y=[mean, mean],
            mode="lines",
            name=f"Reference ({shown})",
            legendgroup="reference",
            showlegend=_first("reference", legend_shown),
            line={"color": COLOURS["reference"], "dash": "dash", "width": 2},
            hovertemplate=f"{label}reference: {_number(metric, mean)}{spread} ({models_text})<extra></extra>",
        )
    )
    return traces


def _threshold(run: RunCurves, metric: str, alone: bool, legend_shown: set[str]) -> list[go.Scatter]:
    rule_of = STOPPING_RULES.get(run.rule_name)
    if run.rule.empty or rule_of is None or rule_of.metric != metric:
        return []
    rule = run.rule.dropna(subset=["threshold"])
    if rule.empty:
        return []
    x, y = list(rule["round"]), list(rule["threshold"])
    if rule["threshold"].nunique() == 1:
        # A constant threshold spans the pane, so that it is visible from the first round on.
        x, y = [-0.3, max(float(run.metrics["round"].max()), 1.0) + 0.3], [y[0], y[0]]
    label = "" if alone else f"{run.label}<br>"
    traces = [
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            name="Stopping threshold",
            legendgroup="threshold",
            showlegend=_first("threshold", legend_shown),
            line={"color": NEUTRAL, "dash": "dot", "width": 2},
            hovertemplate=f"{label}{run.rule_name} rule stops at or below {_hover_value(metric)}<extra></extra>",
        )
    ]
    seen = run.rule.dropna(subset=["value"])
    if alone and not seen.empty:
        traces.append(
            go.Scatter(
                x=seen["round"],
                y=seen["value"],
                mode="markers",
                name="The stopping rule's own value",
                legendgroup="rule value",
                showlegend=_first("rule value", legend_shown),
                marker={"symbol": "line-ew-open", "color": NEUTRAL, "size": 12, "line": {"width": 2}},
                hovertemplate=f"the rule's own samples, round %{{x}}: {_hover_value(metric)}<extra></extra>",
            )
        )
    return traces


def _pane_title(pane: Pane, runs: Sequence[RunCurves]) -> str:
    metric = pane[0]
    if len(pane) > 1:
        return METRICS[metric].title.rpartition(",")[0]
    kinds = {run.objective for run in runs}
    title = METRICS[metric].title_for(kinds.pop()) if len(kinds) == 1 else METRICS[metric].title
    group = METRICS[metric].group
    counts = {run.counts[group] for run in runs if group in run.counts}
    if not counts or not METRICS[metric].whole_group:
        return title.replace("Unseen accuracy, ", "Unseen, ")
    least, most = min(counts), max(counts)
    size = f"n = {least:,}" if least == most else f"n = {least:,} to {most:,}"
    return f"{title[:-1]}, {size})" if title.endswith(")") else f"{title} ({size})"


def _y_axis(runs: Sequence[RunCurves], pane: Pane) -> dict[str, Any]:
    if METRICS[pane[0]].percent:
        return {"range": [-0.03, 1.03], "tickformat": ".0%", "gridcolor": GRID}
    if not METRICS[pane[0]].bounded:
        return {"rangemode": "tozero", "gridcolor": GRID}
    tables = [table for run in runs for table in (run.metrics, run.reference)]
    low = min((table[metric].min() for table in tables for metric in pane if metric in table), default=0.0)
    return {"range": [-1.05, 1.05] if low < 0 else [-0.03, 1.03], "tickformat": ".1f", "gridcolor": GRID}


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _number(metric: str, value: float) -> str:
    return f"{value:.1%}" if METRICS[metric].percent else f"{value:.3f}"


def _hover_value(metric: str) -> str:
    return "%{y:.1%}" if METRICS[metric].percent else "%{y:.3f}"


def _first(name: str, shown: set[str]) -> bool:
    new = name not in shown
    shown.add(name)
    return new
