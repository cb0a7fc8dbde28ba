"""The presets of the launch form: one list with the summary of the chosen one, and the way to whole tables."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cu_core.catalogue.presets import Preset, single_presets
from pages._frame.page_links import link_to
from pages._launch.form_state import use_preset
from pages._shared.plain_text import plain

KEY = "preset"


def presets(chosen: Preset | None, beside: Callable[[], None]) -> None:
    """The list.

    Args:
        chosen: the preset that the form is just now; None where it is another run.
        beside: draws what stands in the same row.
    """
    known = single_presets()
    # What is changed by hand is a preset no longer.
    st.session_state[KEY] = chosen.id if chosen else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Start from a preset",
            list(known),
            format_func=lambda name: known[name].title,
            key=KEY,
            placeholder="Settings of your own",
            on_change=_take,
            width=360,
        )
        link_to("papers", "Whole tables of papers, one click each")
        beside()
    st.caption(plain(chosen.summary if chosen else "A preset replaces every setting below."))


def _take() -> None:
    if name := st.session_state[KEY]:
        use_preset(single_presets()[name])
