"""The state of a verdict as a chip: a shape, words and a colour."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE
from cu_core.catalogue.verdict_states import state_words

BADGES = {DIFFERS: "orange", CANNOT_TELL: "gray", NO_DIFFERENCE: "blue"}
"""Streamlit's names of the colours, as in lists. No green one: that no difference was found is no clearance."""


def verdict_badge(state: str) -> None:
    """The state as a coloured chip, never by colour alone."""
    st.badge(state_words(state), color=BADGES[state])  # type: ignore[arg-type]
