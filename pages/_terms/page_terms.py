"""The foot of a page: links to the entries of all terms that it uses."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.glossary import TERMS
from pages._terms.term_text import escaped


def links_of(page_id: str) -> str:
    """Links to the terms of a page as Markdown; empty where it uses none.

    Args:
        page_id: of the page.
    """
    found = [term for term in TERMS.values() if page_id in term.pages]
    # Relative, so that they hold below a base path as well. They open beside the page, which stays as it is.
    return " · ".join(f"[{escaped(term.title)}](terms?term={term.id})" for term in found)


def page_terms(page_id: str) -> None:
    """Draws the line; nothing where there is nothing to link."""
    if links := links_of(page_id):
        st.caption(f"Terms on this page: {links}")
