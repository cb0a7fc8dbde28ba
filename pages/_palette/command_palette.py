"""The search over pages, runs and terms that Ctrl-K opens on every page, and the button that shows that it is there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cu_core.base.installation import dashboard_folder
from pages._palette.palette_entries import address_of, palette_data
from pages._shared.server_home import home

_ASSETS = dashboard_folder() / "assets" / "palette"
_HTML, _CSS, _JS = ((_ASSETS / f"palette.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
_PALETTE = st.components.v2.component("unlearnscope_palette", html=_HTML, css=_CSS, js=_JS)


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
