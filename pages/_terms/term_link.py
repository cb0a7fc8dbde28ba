"""Terms where they stand: a row of small buttons that open their entries, and plain texts for ``help=``."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.glossary import TERMS
from pages._frame.page_records import pages
from pages._terms.term_text import term_body

PAGE_OF_TERMS = "terms.py"


def terms_row(*ids: str) -> None:
    """A row of the terms that a section uses; each opens its entry, with a link to the page of all terms.

    Args:
        ids: of entries of the glossary, in the order in which the section uses them.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption("Terms:", width="content")
        for term in (TERMS[name] for name in ids):
            with st.popover(term.title, type="tertiary", width="content"):
                st.markdown(term_body(term))
                st.page_link(
                    PAGE_OF_TERMS,
                    label="In the glossary",
                    icon=":material/menu_book:",
                    query_params={"term": term.id} | looked_at(),
                )


def looked_at(page_id: str = "") -> dict[str, str]:
    """The run in the address, which links to terms and from them on keep; none where there is none.

    Args:
        page_id: of the page that a link leads to; one that is about no run gets none.
    """
    run_id = st.query_params.get("run", "")
    about = not page_id or pages()[page_id].needs != "nothing"
    return {"run": run_id} if run_id and about else {}


def term_help(term_id: str) -> str:
    """An entry in a sentence or two, for ``help=`` of a field or a heading.

    Args:
        term_id: of an entry of the glossary.
    """
    term = TERMS[term_id]
    return f"{term.sentence} {term.means_not}"
