"""What a page says instead of what it would show."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from pages._shared.plain_text import plain


def empty_state(title: str, text: str, link: str, page: str) -> None:
    """Says in words why there is nothing to show and where to go; ends the page."""
    with st.container(border=True, horizontal_alignment="center"):
        st.header(title, anchor=False, text_alignment="center")
        st.caption(text, text_alignment="center")
        st.page_link(page, label=link, icon=":material/arrow_forward:")
    st.stop()


def say(error: UnlearnscopeError) -> None:
    """Shows an error on the next drawing, for callbacks."""
    st.toast(plain(error), icon=":material/error:", duration="long")
