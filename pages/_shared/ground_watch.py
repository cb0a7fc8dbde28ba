"""Draws a page again when its reader's theme turns light or dark: charts get the colour of their text from Python."""

from __future__ import annotations

import streamlit as st

from pages._shared.browser_parts import browser_parts
from pages._shared.chart_bar import ground

_WATCH = st.components.v2.component("unlearnscope_ground", **browser_parts("ground"))


def watch_ground() -> None:
    """Watches from where it is called, unseen. Streamlit itself tells the script of a new theme at its next run only.

    That holds for the first run of a visit, too, where the theme is another one than the system's.
    """
    _WATCH(key="ground", data={"ground": ground()}, on_seen_change=lambda: None, height=1)
