"""The scatter of signals as a component of its own: shared camera, scrubber, selection and cards in the browser.

Plotly redraws fifteen thousand points in three panes in seconds (`benchmarks/scatter_frames.py`), and its selections
end at the pane. Here every pane and both spaces draw the same samples from one state, so turning one turns all, and
what is selected in one is selected everywhere, without asking the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages._shared.browser_parts import browser_parts

_SCRIPTS = (
    "webgl/geometry.js",
    "webgl/painter.js",
    "webgl/picking.js",
    "webgl/axes.js",
    "space/space_paint.js",
    "space/space_chart.js",
    "space/space.js",
)

PARTS = browser_parts("space", *_SCRIPTS)
"""What the component is made of."""

_BOARD = st.components.v2.component("unlearnscope_signal_space", **PARTS)


def signal_board(data: dict[str, Any], *, key: str, on_select: Callable[[list[int], int], object]) -> None:
    """Draws the scatter.

    Args:
        data: ``run`` (its id), ``stamp`` (changes with the content), ``flat``, ``log``, ``shown`` and ``reference``
            (places among ``moments``; the latter or None), ``moments`` (titles), ``spaces`` (see
            `cu_core.figures.signal_cloud.pack_space`), ``groups``, packed ``rows``, ``sample``, ``test``, ``label``,
            ``truth``, ``predicted`` per moment, ``classes``, ``selected`` rows with their ``revision``, ``png`` and
            ``columns`` of the sprite, ``names`` of its samples, ``alt`` and ``reference_colour``.
        key: of this component.
        on_select: called before the page is drawn again, with the rows of the probe that were selected in the
            browser and the revision that was drawn there; see `pages._selection.selection_state.follow`.
    """

    def tell() -> None:
        told = st.session_state[key]["selected"]
        on_select([int(row) for row in told["rows"]], int(told["revision"]))

    unchanged = {"rows": data["selected"], "revision": data["revision"]}
    _BOARD(data=data, key=key, default={"selected": unchanged}, on_selected_change=tell)
