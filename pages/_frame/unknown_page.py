"""An address that no page has: said on the address itself, where Streamlit would show its first page instead."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.navigation.page import Page as ServedPage
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cu_core.base.errors import did_you_mean
from pages._frame.page_links import link_to
from pages._frame.page_records import pages
from pages._shared.plain_text import plain

_KEPT = "unknown_address"
LONGEST = 200


def unknown_page() -> ServedPage | None:
    """The page to add to the navigation where a session was opened at an address that no page has; None elsewhere.

    It stays in the navigation of its session: the next click on it comes under its address, too.
    """
    asked = asked_page()
    if asked and "/" not in asked and asked not in pages():
        st.session_state[_KEPT] = asked[:LONGEST]
    name = st.session_state.get(_KEPT)
    if not name:
        return None
    return st.Page(partial(_say, name), title="No such page", icon=":material/link_off:", url_path=name,
                   visibility="hidden")  # fmt: skip


def asked_page() -> str:
    """The name in the address that a session was opened at; empty for the bare address and after a click."""
    context = get_script_run_ctx()
    return (context.pages_manager.intended_page_name or "") if context else ""


def _say(name: str) -> None:
    st.title("No such page", anchor=False)
    st.markdown(f"Nothing lies at the address **/{plain(name)}**{plain(did_you_mean(name, pages()) or '.')}")
    st.caption("Pages about one run open from there.")
    for page in pages().values():
        if page.needs != "rounds":
            link_to(page.id)
