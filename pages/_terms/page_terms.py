"""The foot of a page: a link to the entries of all terms that it may use."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.glossary import TERMS
from cu_core.catalogue.glossary.term import Term
from pages._terms.term_link import PAGE_OF_TERMS, looked_at


def terms_of(page_id: str) -> list[Term]:
    """The terms of a page, in the order of the glossary; none where it uses none.

    Args:
        page_id: of the page.
    """
    return [term for term in TERMS.values() if page_id in term.pages]


def page_terms(page_id: str) -> None:
    """Draws the link; nothing where there is nothing to link."""
    if terms_of(page_id):
        st.page_link(
            PAGE_OF_TERMS,
            label="Terms of this page",
            icon=":material/menu_book:",
            query_params={"of": page_id} | looked_at(),
        )
