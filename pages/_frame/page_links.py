"""Links from page to page, with the icon that the navigation shows for the page."""

from __future__ import annotations

import streamlit as st

from pages._frame.page_records import pages


def link_to(page_id: str, label: str = "", **query: str) -> None:
    """A link to a page.

    Args:
        page_id: of the page.
        label: its title by default.
        query: of the address.
    """
    page = pages()[page_id]
    st.page_link(page.file, label=label or page.title, icon=page.icon, query_params=query or None)


def views_of_run(run_id: str) -> None:
    """A button for every page that shows the recorded rounds of a run."""
    for page in pages().values():
        if page.needs == "rounds" and st.button(page.title, icon=page.icon, key=f"to_{page.id}"):
            st.switch_page(page.file, query_params={"run": run_id})
