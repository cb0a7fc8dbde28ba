"""The bar of buttons at every chart, and in which format its camera saves the chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

FORMATS = {"png": "PNG", "svg": "SVG"}
FORMAT_KEY = "picture_format"
# Pixels per pixel on the page, so that a picture holds up in print.
SCALE = 2


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
