"""Three ways to go on from the first page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages._frame.page_records import pages
from pages._launch.foreign_section import DOOR, TITLE, WORDS


@dataclass(frozen=True)
class Door:
    """One way to go on.

    Attributes:
        title: what one would do.
        text: what awaits, in a sentence.
        icon: before the title.
        page: id of the page that it leads to.
        query: of the address.
    """

    title: str
    text: str
    icon: str
    page: str
    query: dict[str, str]


def known_doors() -> list[Door]:
    """The doors whose page there is."""
    known = pages()
    found = []
    if learn := known.get("learn"):
        found.append(Door(learn.title, learn.help, learn.icon, learn.id, {}))
    launch = known["launch"]
    found.append(Door("Run an experiment", launch.help, launch.icon, launch.id, {}))
    found.append(Door(TITLE, WORDS, ":material/folder_open:", launch.id, DOOR))
    return found


def doors() -> None:
    """Draws them side by side."""
    found = known_doors()
    with st.grid(len(found), min_column_width=240, gap="small"):
        for door in found:
            with st.container(border=True, height="stretch", key=f"door_{door.title.split()[0].lower()}"):
                page = pages()[door.page]
                label = f"**{door.title}**"
                st.page_link(page.file, label=label, icon=door.icon, query_params=door.query or None)
                st.caption(door.text)
