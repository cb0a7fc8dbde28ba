"""Whether the reader's window is as narrow as a phone's: charts set their panes one below the other there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._shared.browser_parts import asset

NARROW_PX = 900
"""Px of a window up to which, beside the sidebar, three panes in a row would be too narrow to read."""
KEY = "narrow_window"

_WATCH = st.components.v2.component("unlearnscope_window", html="<i hidden></i>", js=asset("window/window.js"))


def is_narrow() -> bool:
    """Whether the window was as narrow as a phone's when the page was last drawn."""
    return bool(st.session_state.get(KEY, False))


def watch_window() -> None:
    """Watches from where it is called, unseen, before the page is drawn. Streamlit tells a script nothing of widths."""
    found: Any = _WATCH(
        key="window",
        data={"narrow": is_narrow(), "px": NARROW_PX},
        default={"narrow": is_narrow()},
        on_narrow_change=lambda: None,
        height=1,
    )
    st.session_state[KEY] = bool(found["narrow"])
