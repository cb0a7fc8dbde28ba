"""The erasure record of a run: what people type in, what is included, and the files without a signature."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from cu_core.analysis.erasure.erasure_record import record_of
from cu_core.analysis.erasure.left_out import WHAT, Included
from cu_core.analysis.erasure.sealed_record import sealed
from cu_core.analysis.erasure.stated_fields import Stated, read_stated
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.parameters import describe
from cu_core.runstore.reader import RunView
from pages._shared.plain_text import plain
from pages._shared.server_home import home

MADE = "erasure_made"
INCLUDED = {
    "names": "Names of classes and files, paths, the run's title",
    "indices": "The forgotten samples one by one",
    "images": "Small pictures of some of them",
}


@dataclass(frozen=True)
class MadeRecord:
    """A record as it is handed out: both files are of the same moment, so that their hashes agree."""

    run_id: str
    headline: str
    html: bytes
    json: bytes


def erasure_section(view: RunView) -> None:
    """The form, and once it is sent, the files."""
    if view.result() is None:
        st.caption("A record can be made once the run has finished.")
        return
    st.caption(
        "What was asked, done and measured, with hashes of everything, to keep or to hand on. It is evidence from "
        "these tests and no statement about any law. What nobody types in is printed as not stated."
    )
    with st.form("erasure_form", border=False):
        with st.grid(3, min_column_width=220):
            typed = {
                field.name: st.text_input(field.param.label, key=f"erasure_{field.name}", help=field.param.help)
                for field in describe(Stated)
            }
        chosen = st.pills(
            "Include",
            list(WHAT),
            selection_mode="multi",
            format_func=INCLUDED.__getitem__,
            key="erasure_include",
            help="Left out unless chosen: whoever gets the record need not learn who or what was forgotten.",
        )
        sent = st.form_submit_button("Make the record", icon=":material/description:", key="erasure_make")
    if sent:
        _make(view, _stated(typed), Included(**{name: True for name in chosen}))
    made = st.session_state.get(MADE)
    if isinstance(made, MadeRecord) and made.run_id == view.run_id:
        _hand_out(made)


def _stated(typed: dict[str, str]) -> Stated | None:
    """What was typed in; None where it cannot be taken, which is said."""
    try:
        return read_stated(None, typed)
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return None


def _make(view: RunView, stated: Stated | None, asked: Included) -> None:
    st.session_state.pop(MADE, None)
    if stated is None:
        return
    try:
        with st.spinner("Reading the run"):
            made = sealed(record_of(home(), view, stated, asked))
            headline = str(made.envelope["record"]["verdict"]["headline"])
            st.session_state[MADE] = MadeRecord(view.run_id, headline, made.html().encode(), made.json())
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")


def _hand_out(made: MadeRecord) -> None:
    st.markdown(f"**{plain(made.headline)}**")
    # The middle of the id is made of the run's title, which the record leaves out.
    name = f"erasure-record-{made.run_id[-8:].strip('-')}"
    with st.container(horizontal=True):
        for title, ending, mime, content in (
            ("Page to print", "html", "text/html", made.html),
            ("Canonical JSON", "json", "application/json", made.json),
        ):
            st.download_button(
                title,
                content,
                f"{name}.{ending}",
                mime,
                key=f"erasure_{ending}",
                icon=":material/download:",
                on_click="ignore",
            )
    st.caption("Neither is signed: a private key does not belong on a server. Where the key is, sign and check them:")
    st.code(
        f"unlearnscope keygen erasure.key\nunlearnscope sign-report {name}.html --key erasure.key\n"
        f"unlearnscope verify-report {name}.html --key erasure.key.pub",
        language=None,
    )
