"""Curves of metrics over the rounds of one or several runs."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from cu_core.figures.curves import Pane, RunCurves, curves, curves_alt
from cu_core.figures.theme import ink
from pages._shared.chart_bar import bar, ground


def draw_curves(runs: list[RunCurves], key: str, panes: Sequence[Pane] | None = None) -> None:
    """Draws metrics over rounds of one or several runs, by default accuracies."""
    content = repr((ground(), panes, [_content(run) for run in runs]))
    figure, words = _built_curves(content, runs, panes)
    # Its text has its colour already, and what is shared is not changed.
    st.plotly_chart(figure, key=key, alt=words, config=bar())


@st.cache_resource(max_entries=64, show_spinner=False)
def _built_curves(content: str, _runs: list[RunCurves], _panes: Sequence[Pane] | None) -> tuple[go.Figure, str]:
    """The figure and its words on one ground.

    A class that watches one live run each second shares them, and nobody changes them.
    """
    return ink(curves(_runs, _panes), ground()), curves_alt(_runs, _panes)


def _content(run: RunCurves) -> tuple[object, ...]:
    frames = (run.metrics, run.rule, run.reference)
    named = (run.label, run.objective, run.rule_name, dict(run.counts))
    return (*named, *(frame.to_dict("list") for frame in frames))
