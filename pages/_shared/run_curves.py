"""Curves of metrics over the rounds of one or several runs."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from cu_core.catalogue.objective_record import objective
from cu_core.figures.curves import Pane, RunCurves, curves, curves_alt
from cu_core.figures.theme import chart_text
from cu_core.runstore.reader import RunView
from pages._shared.chart_bar import bar


def run_curves(view: RunView, label: str) -> RunCurves | None:
    """What the curves need of a run; None before its first round."""
    rounds = view.rounds()
    if not rounds:
        return None
    references = [view.reference_manifest(seed) for seed in view.references()]
    kind = objective(view.spec.train.objective).kind
    return RunCurves.from_manifests(chart_text(label), [view.manifest(k) for k in rounds], references, kind)


def draw_curves(runs: list[RunCurves], key: str, panes: Sequence[Pane] | None = None) -> None:
    """Draws metrics over rounds of one or several runs, by default accuracies."""
    figure, words = _built_curves(repr((panes, [_content(run) for run in runs])), runs, panes)
    st.plotly_chart(figure, key=key, alt=words, config=bar())


@st.cache_resource(max_entries=64, show_spinner=False)
def _built_curves(content: str, _runs: list[RunCurves], _panes: Sequence[Pane] | None) -> tuple[go.Figure, str]:
    """The figure and its words; a class that watches one live run each second shares them, and nobody changes them."""
    return curves(_runs, _panes), curves_alt(_runs, _panes)


def _content(run: RunCurves) -> tuple[object, ...]:
    frames = (run.metrics, run.rule, run.reference)
    named = (run.label, run.objective, run.rule_name, dict(run.counts))
    return (*named, *(frame.to_dict("list") for frame in frames))
