"""All terms of the program on one page: what each means, where it is measured and what it does not mean."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import did_you_mean
from cu_core.catalogue.glossary import FAMILIES, TERMS, entry_for
from pages._frame.page_records import Page, pages
from pages._shared.plain_text import plain
from pages._terms.page_terms import terms_of
from pages._terms.term_entry import entry_card
from pages._terms.term_text import list_text

PAGE = Page(
    id="terms",
    title="Terms",
    icon=":material/menu_book:",
    help="What every word here means, where it is measured and what it does not mean.",
    purpose="every term in one sentence: formula or drawing, where it is measured, what it does not mean",
    section="Begin",
    order=3,
)


def chosen() -> None:
    """The entry that the address or the search field names, opened above all others."""
    asked = st.query_params.get("term", "")
    found = TERMS.get(asked) or entry_for(asked)
    if st.session_state.get("term_asked") != asked:
        # The address has changed without the field: by a link, or by going back.
        st.session_state["term_asked"] = asked
        st.session_state["find_term"] = found.id if found else None
    picked = st.selectbox(
        "Find a term",
        list(TERMS),
        index=None,
        format_func=lambda name: " · ".join(TERMS[name].names),
        placeholder="Type a word, such as band, AUC or ω",
        key="find_term",
        on_change=remember,
    )
    if picked:
        entry_card(TERMS[picked])
    elif asked:
        hint = did_you_mean(asked, [name for term in TERMS.values() for name in (term.id, *term.names)])
        st.info(plain(f"There is no entry {asked[:100]!r}{hint}"), icon=":material/info:")


def remember() -> None:
    """Puts what was chosen into the address, so that it can be sent round."""
    picked = st.session_state["find_term"]
    st.session_state["term_asked"] = picked or ""
    if picked:
        st.query_params["term"] = picked
    else:
        st.query_params.pop("term", None)


st.title(PAGE.title, anchor=False)
st.caption(f"{len(TERMS)} entries. Type into the field to open one with all that there is about it, or read on.")
chosen()
shown = list(TERMS.values())
if found := terms_of(about := st.query_params.get("of", "")):
    shown = found
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Listed are the terms of the page **{pages()[about].title}**.", width="content")
        st.page_link(PAGE.file, label="List all", icon=":material/list:")
for family in FAMILIES:
    if listed := [term for term in family.terms if term in shown]:
        st.header(family.title, anchor=family.id)
        st.markdown(list_text(listed))
