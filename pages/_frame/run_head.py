"""The head of a run's pages: its title, what it forgot, what it is, and the way to its other pages and other runs."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cu_core.base.display_text import CELL, cut
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.own_code import short_code
from cu_core.catalogue.spec import short
from cu_core.data.thumbnails import sprite
from cu_core.runstore.reader import RunRow, RunView, open_run
from pages._frame.page_links import pages_of_run
from pages._frame.page_records import Page
from pages._frame.run_menu import run_menu, write_about
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import probe_images, probe_of
from pages._shared.run_states import ACTIVE, state_badge
from pages._shared.server_home import home
from pages._shared.verdict_badge import verdict_badge

REFRESH_SECONDS = 2.0
LONGEST_TITLE = 90
"""Letters of a title in the head and on the browser's tab; the whole one is in lists."""
MOST_PICTURES, TILE = 8, 32


def run_head(page: Page, view: RunView, pick: Callable[[], None], actions: Callable[[RunRow], None] | None) -> None:
    """Draws the head in three lines: title, chips, links.

    Args:
        page: that is drawn.
        view: the run.
        pick: draws the choice of another run.
        actions: draws the buttons of what can be done with the run, where the page has some.
    """
    row = view.row()
    title = cut(row.title, LONGEST_TITLE)
    st.set_page_config(page_title=f"{page.title} · {title}")
    with st.container(key="run_head", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.title(page.title, anchor=False, width="content")
            st.header(plain(title), anchor=False, width="content")
            write_about(row, view.run_dir)
            st.space("stretch")
            if actions is not None:
                actions(row)
            with st.popover("Other run", icon=":material/swap_horiz:", type="tertiary", key=f"picker_{row.run_id}"):
                pick()
            run_menu(row)
        # The chips of a run at work change by themselves; those of all others cost no fragment.
        if row.state in ACTIVE:
            st.fragment(run_every=REFRESH_SECONDS)(_chips_again)(row.run_id)
        else:
            _chips(view, row)
        if row.notes:
            st.caption(plain(row.notes))
        pages_of_run(row.run_id, recorded=row.rounds > 0)


def _chips_again(run_id: str) -> None:
    try:
        view = open_run(home(), run_id)
        _chips(view, view.row())
    except UnlearnscopeError as error:
        st.caption(plain(error))


def _chips(view: RunView, row: RunRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if strip := forgotten(str(home().root), row.run_id, row.rounds > 0):
            count, png = strip
            st.image(png, width=count * TILE, alt=f"Some of the images to forget: {short(row.forget)}")
        state_badge(row.state)
        if row.verdict:
            verdict_badge(row.verdict)
        if row.origin:
            words = "It counts in no comparison, sweep or table." if row.copy_of else None
            icon = ":material/inventory_2:" if row.demo else ":material/input:"
            st.badge(plain(row.origin), icon=icon, color="gray", help="Ships with the project" if row.demo else words)
        # One element: eight of them would be eight messages to the browser, with every click.
        chips = (
            f"forget {short(row.forget)}",
            short(row.dataset),
            short_code(row.backbone),
            METHODS[row.method].title if row.method in METHODS else row.method,
            f"seed {row.seed}",
            *([f"group {row.group}"] if row.group else []),
        )
        tags = [f":violet-badge[:material/label: {_chip(tag)}]" for tag in row.tags]
        st.markdown(" ".join([*(f":gray-badge[{_chip(text)}]" for text in chips if text), *tags]), width="content")


def _chip(text: str) -> str:
    return plain(cut(text, CELL))


# Short-lived, because a dataset may be prepared, or vanish, at any time.
@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def forgotten(root: str, run_id: str, recorded: bool) -> tuple[int, bytes] | None:
    """A few of the images to forget side by side as PNG, and how many.

    Args:
        root: of the home, part of the cache's key.
        run_id: of the run.
        recorded: whether a round is recorded, part of the key as well.

    Returns:
        None where the dataset does not lie prepared on this machine, or no round is recorded yet.
    """
    view = open_run(home(), run_id)
    try:
        probe = probe_of(view)
        probe = probe[probe["group"] == "forget"]
        # Spread over all of them, since samples of a kind lie beside each other.
        places = {number * (len(probe) - 1) // (MOST_PICTURES - 1) for number in range(MOST_PICTURES)}
        images = probe_images(view, probe.iloc[sorted(places)]) if len(probe) else None
    except (UnlearnscopeError, OSError):
        return None
    # Twice the size on the page, for screens with two pixels to each.
    return None if images is None else (len(images), sprite(images, 2 * TILE, len(images)))
