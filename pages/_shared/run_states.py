"""The states of a run in words, with colours and icons."""

from __future__ import annotations

import streamlit as st

ACTIVE = ("queued", "starting", "running")


# State: colour and icon of its badge. Colour never stands alone, the word is always beside it.
STATES = {
    "queued": ("gray", ":material/hourglass_empty:"),
    "starting": ("blue", ":material/start:"),
    "running": ("blue", ":material/play_arrow:"),
    "succeeded": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("orange", ":material/cancel:"),
    "lost": ("violet", ":material/help:"),
}


# What became of a run that has no round to show.
ENDED = {
    "succeeded": "ended well",
    "failed": "failed",
    "cancelled": "was cancelled",
    "lost": "lost its worker",
}


def state_badge(state: str) -> None:
    """The state as a coloured word with an icon."""
    color, icon = STATES.get(state, ("gray", ":material/help:"))
    st.badge(state, color=color, icon=icon)  # type: ignore[arg-type]
