"""The search over pages, runs and terms that Ctrl-K opens on every page, and the button that shows that it is there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._palette.palette_entries import address_of, palette_data
from pages._shared.browser_parts import browser_parts
from pages._shared.server_home import home

_PALETTE = st.components.v2.component("unlearnscope_palette", **browser_parts("palette"))


def palette() -> None:
    """Draws the button where it is called, and goes where the dialog says.

    The frame calls it once, in the sidebar, before the page is drawn: a choice then costs no drawing of the page that
    is left.
    """
    result: Any = _PALETTE(key="palette", data=palette_data(str(home().root)), on_chosen_change=lambda: None)
    found = address_of(result["chosen"])
    if found is not None:
        page, query = found
        st.switch_page(page, query_params=query)
