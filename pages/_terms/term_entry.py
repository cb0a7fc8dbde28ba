"""One entry of the glossary with everything: formula, drawing, where it is measured, and where to go on."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.glossary import TERMS
from cu_core.catalogue.glossary.term import Term
from cu_core.figures.glossary_sketches import SKETCHES
from pages._frame.page_links import link_to
from pages._shared.chart_bar import show_chart
from pages._terms.term_link import PAGE_OF_TERMS, looked_at
from pages._terms.term_text import escaped, term_body


def entry_card(term: Term) -> None:
    """The entry in a frame of its own."""
    with st.container(border=True):
        st.header(term.title, anchor=False)
        st.markdown(term_body(term))
        if term.picture:
            sketch = SKETCHES[term.picture]
            show_chart(sketch.draw(), key="term_picture", alt=sketch.words)
            st.caption(sketch.words)
        st.markdown(f"**Where:** {escaped(term.where)}")
        with st.container(horizontal=True):
            for page_id in term.pages:
                link_to(page_id, **looked_at(page_id))
        if term.related:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption("See also:", width="content")
                for name in term.related:
                    st.page_link(PAGE_OF_TERMS, label=TERMS[name].title, query_params={"term": name} | looked_at())
