"""The frame around every page: navigation and the sidebar's state of the machine."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._frame import gate
from pages._frame.page_records import SECTIONS, pages
from pages._frame.sidebar import machine
from pages._frame.unknown_page import unknown_page
from pages._palette.command_palette import palette
from pages._shared.chart_bar import format_choice
from pages._shared.ground_watch import watch_ground
from pages._shared.window_watch import watch_window
from pages._terms.page_terms import page_terms

# A file: an icon by its name would be fetched from another company's server.
ICON = Path(__file__).resolve().parent.parent / "assets" / "icon.svg"
FIRST = "start"
"""The page that the bare address opens."""
SIDEBAR_PX = 216
# Streamlit's theme has settings for the padding above and below the page, and none for its sides, which take 160 px of
# a laptop's 1280. And at one pixel per point browsers round the widths of letters in pictures, so that words run into
# each other. Nothing else of Streamlit's own page is touched.
ROOM = """<style>
[data-testid="stMainBlockContainer"] { padding-left: 2rem; padding-right: 2rem; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; } }
svg text { text-rendering: geometricPrecision; }
</style>"""
st.set_page_config(page_title="Unlearnscope", page_icon=ICON, layout="wide", initial_sidebar_state=SIDEBAR_PX)
gate.admit()
st.html(ROOM)

known = pages().values()
# The head of a run has the links to its pages; here they would stand a second time, without the run.
served = {
    page.id: st.Page(
        page.file,
        title=page.title,
        icon=page.icon,
        help=page.help,
        default=page.id == FIRST,
        url_path="" if page.id == FIRST else None,
        visibility="hidden" if page.needs == "rounds" else "visible",
    )
    for page in known
}
sections = {name: [served[page.id] for page in known if page.section == name] for name in SECTIONS}
# It has no other address than the bare one; who types its name gets there, too.
named = st.Page(lambda: st.switch_page(served[FIRST]), title="Start", url_path=FIRST, visibility="hidden")
sections[SECTIONS[0]].append(named)
if (unknown := unknown_page()) is not None:
    sections[SECTIONS[0]].append(unknown)
# Who shows a lesson to a room needs the room on the wall.
presenting = st.query_params.get("present") == "1"
page = st.navigation(sections, position="hidden" if presenting else "sidebar")
# Pages about a run go on to name it.
st.set_page_config(page_title=f"{page.title} · Unlearnscope")
if not presenting:
    with st.sidebar:
        palette()
        format_choice()
        machine()
        gate.whoami()
        watch_ground()
        watch_window()
page.run()
if not presenting:
    page_terms(page.url_path or FIRST)
