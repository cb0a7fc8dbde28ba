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
st.set_page_config(page_title="Unlearnscope", page_icon=ICON, layout="wide")
gate.admit()

known = pages().values()
served = {page.id: st.Page(page.file, title=page.title, icon=page.icon, help=page.help) for page in known}
# The bare address leads to the runs; the page itself keeps an address of its own.
start = st.Page(
    lambda: st.switch_page(served["runs"]), title="Start", url_path="start", default=True, visibility="hidden"
)
sections = {name: [served[page.id] for page in known if page.section == name] for name in SECTIONS}
# Who shows a lesson to a room needs the room on the wall.
presenting = st.query_params.get("present") == "1"
page = st.navigation(
    sections | {SECTIONS[0]: [start, *sections[SECTIONS[0]]]}, position="hidden" if presenting else "sidebar"
)
# The start page leads on at once: what was drawn beside it would be drawn again with the runs.
if page is not start and not presenting:
    with st.sidebar:
        format_choice()
        machine()
        gate.whoami()
page.run()
