"""The frame around every page: navigation and the sidebar's state of the machine."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._frame import gate
from pages._frame.page_records import SECTIONS, pages
from pages._frame.sidebar import machine
from pages._shared.chart_bar import format_choice

# A file: an icon by its name would be fetched from another company's server.
ICON = Path(__file__).resolve().parent.parent / "assets" / "icon.svg"
FIRST = "start"
"""The page that the bare address opens."""
st.set_page_config(page_title="Unlearnscope", page_icon=ICON, layout="wide")
gate.admit()

known = pages().values()
served = {
    page.id: st.Page(page.file, title=page.title, icon=page.icon, help=page.help, default=page.id == FIRST)
    for page in known
}
page = st.navigation({name: [served[page.id] for page in known if page.section == name] for name in SECTIONS})
with st.sidebar:
    format_choice()
    machine()
    gate.whoami()
page.run()
