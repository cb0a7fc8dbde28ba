"""The state of a verdict as a chip: a shape, words and a colour."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE
from cu_core.catalogue.verdict_states import SHAPES, state_words

BADGES = {DIFFERS: "red", CANNOT_TELL: "gray", NO_DIFFERENCE: "blue"}
"""Streamlit's names of the colours. No green one: that no difference was found is no clearance."""


def verdict_badge(state: str, title: str = "", about: str | None = None) -> None:
    """The state as a coloured chip, never by colour alone.

    Args:
        state: of a verdict or of one of its claims.
        title: stands in place of the state's words, behind its shape.
        about: shown to whoever points at it.
    """
    words = f"{SHAPES[state]} {title}" if title else state_words(state)
    st.badge(words, color=BADGES[state], help=about)  # type: ignore[arg-type]
