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


def pages_of_run(run_id: str, *, recorded: bool) -> None:
    """In one row a link to every page about a run; the browser marks the one that is shown.

    Args:
        run_id: of the run, which the links carry together with the round in the address.
        recorded: whether it has a round; pages that need one cannot be opened before.
    """
    query = {"run": run_id} | ({"round": number} if (number := st.query_params.get("round")) else {})
    with st.container(horizontal=True, gap="xsmall", key="pages_of_run"):
        for page in pages().values():
            if page.needs != "nothing":
                shut = page.needs == "rounds" and not recorded
                st.page_link(page.file, label=page.title, icon=page.icon, query_params=query, disabled=shut)
