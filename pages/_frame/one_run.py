"""Every page about one run: its head, and drawing again by itself while the run is active."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.reader import RunRow, RunView, open_run
from pages._frame.damage_notes import show_damage
from pages._frame.page_records import Page
from pages._frame.run_deletion import offer_undo
from pages._frame.run_head import REFRESH_SECONDS, run_head
from pages._frame.run_picker import chosen_run
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home


def head(page: Page, *, undo: bool = False, actions: Callable[[RunRow], None] | None = None) -> RunView:
    """Draws the head of a run and what is damaged, and returns the run; ends the page in words where there is none.

    Args:
        page: that is drawn.
        undo: whether the run that was deleted last can be brought back here.
        actions: draws the buttons of what can be done with the run.
    """
    if undo:
        offer_undo()
    view, pick = chosen_run(page)
    run_head(page, view, pick, actions)
    show_damage(view)
    return view


def redraw(picked: RunView, sections: Callable[[RunView], None]) -> None:
    """Draws parts of a page; again by themselves while the run is active, and the whole page once when it has ended.

    Args:
        picked: the run.
        sections: draws the parts from top to bottom, given the run as it is then.
    """
    was_active = picked.state in ACTIVE

    def body(run_id: str) -> None:
        try:
            view = open_run(home(), run_id)
            if was_active and view.state not in ACTIVE:
                st.rerun()
            sections(view)
        except UnlearnscopeError as error:
            st.error(plain(error), icon=":material/error:")

    st.fragment(run_every=REFRESH_SECONDS if was_active else None)(body)(picked.run_id)


def show_run(page: Page, sections: Callable[[RunView], None]) -> None:
    """Draws a page whose parts are all drawn again while its run is active."""
    redraw(head(page), sections)
