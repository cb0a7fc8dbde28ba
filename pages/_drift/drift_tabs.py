"""What stands below the picture of the Drift page: one part at a time, so that only what is looked at is worked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from cu_core.analysis.scenes import Shown
from pages._drift.drift_motion import events, full_space
from pages._drift.drift_picture import true_movement
from pages._drift.drift_tsne import tsne_outputs
from pages._drift.drift_views import Chosen
from pages._selection.selection_charts import linked_charts, selected_table

KEY = "part"
"""Of the tabs, and their name in the address."""


def parts_below(name: str, chosen: Chosen, shown: Shown, number: int, carried: Mapping[str, str]) -> None:
    """Draws the tabs, and what is in the open one.

    Args:
        name: of the view.
        chosen: the picture.
        shown: the run and its rounds.
        number: of the round that is shown.
        carried: stamps of the messages that the browser has of the run.
    """
    view, rounds, seed = shown.view, shown.rounds, shown.seed
    parts: dict[str, Callable[[], None]] = {
        "Selected samples": partial(linked_charts, view, rounds, seed, carried),
        "Table": partial(selected_table, view, rounds, number, seed),
        "How far they moved": partial(full_space, view, rounds),
        "What happened when": partial(events, view, rounds, number),
        "True and plotted": partial(true_movement, chosen, shown, number),
    }
    if name == "other" and view.tsne() is not None:
        parts["t-SNE of the outputs"] = partial(tsne_outputs, view)
    tabs = st.tabs(list(parts), key=KEY, on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab:
                draw()
