"""A chart on a page: the colour of its text, the bar of buttons, and in which format its camera saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cu_core.figures.theme import ink

FORMATS = {"png": "PNG", "svg": "SVG"}
FORMAT_KEY = "picture_format"
# Pixels per pixel on the page, so that a picture holds up in print.
SCALE = 2


def ground() -> str:
    """``"light"`` or ``"dark"``: what the reader's page looked like when it was last drawn."""
    return "dark" if st.context.theme.type == "dark" else "light"


def show_chart(
    figure: go.Figure, *, key: str, alt: str, without: Sequence[str] = (), tools: bool = True, **settings: Any
) -> Any:
    """Draws a figure with text that is read well on the reader's ground; Streamlit's own grey is too faint for ticks.

    Args:
        figure: changed in place: its text gets a colour.
        key: of the chart.
        alt: what it shows, in words.
        without: names of buttons to leave out.
        tools: whether there is a bar of buttons at all.
        settings: further arguments of ``st.plotly_chart``.
    """
    shown = bar(without) | ({} if tools else {"displayModeBar": False})
    return st.plotly_chart(ink(figure, ground()), key=key, alt=alt, config=shown, **settings)


def bar(without: Sequence[str] = ()) -> dict[str, Any]:
    """Plotly's settings of a chart: no logo, and a camera that saves in the chosen format.

    Args:
        without: names of buttons to leave out.
    """
    chosen = st.session_state.get(FORMAT_KEY) or "png"
    # An SVG has no pixels; enlarged, it would only be cut differently.
    camera = {"format": chosen, "scale": SCALE if chosen == "png" else 1, "filename": "unlearnscope"}
    return {"displaylogo": False, "toImageButtonOptions": camera, "modeBarButtonsToRemove": list(without)}


def format_choice() -> None:
    """In the sidebar: whether the charts' cameras save PNG or SVG."""
    st.segmented_control(
        "Charts are saved as",
        list(FORMATS),
        format_func=FORMATS.__getitem__,
        default="png",
        required=True,
        key=FORMAT_KEY,
        persist_state="session",
        help="The camera above a chart saves it: PNG for slides, SVG for papers. The browser makes the file.",
    )
