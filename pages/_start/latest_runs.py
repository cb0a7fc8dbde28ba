"""The latest runs with what became of them; the first one, which was queued by itself, is followed live."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from cu_core.base.display_text import counted
from cu_core.catalogue.spec import short
from cu_core.runstore.reader import RunRow, list_runs
from pages._frame.page_links import link_to
from pages._shared.number_words import ago
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE, state_badge
from pages._shared.server_home import home
from pages._shared.verdict_badge import verdict_badge
from pages._start.first_run_banner import first_run_banner

MOST_LISTED = 6
REFRESH_SECONDS = 2.0
# So that what belongs together stands below each other.
TITLE_WIDTH, FORGOTTEN_WIDTH = 300, 170


def latest_runs(rows: Sequence[RunRow], progress: Callable[[RunRow], None]) -> None:
    """Draws the list, again by itself while a run is at work, and the whole page once when none is any more.

    Args:
        rows: all runs, latest first.
        progress: draws how far an active run is.
    """
    is_live = any(row.state in ACTIVE for row in rows)
    st.fragment(run_every=REFRESH_SECONDS if is_live else None)(_live)(is_live, progress)


def _live(was_live: bool, progress: Callable[[RunRow], None]) -> None:
    rows = list_runs(home())
    if was_live and not any(row.state in ACTIVE for row in rows):
        st.rerun()
    first_run_banner(rows, progress)
    if not rows:
        return
    st.header("Latest runs", anchor=False)
    with st.container(gap="xsmall"):
        titles = [row.marked_title for row in rows[:MOST_LISTED]]
        for row in rows[:MOST_LISTED]:
            _line(row, alike=titles.count(row.marked_title) > 1)
    with st.container(horizontal=True):
        link_to("runs", f"All {counted(len(rows), 'run')}" if len(rows) > MOST_LISTED else "All runs")


def _line(row: RunRow, *, alike: bool) -> None:
    """One run: its title as a link, with the end of its id where another has the same; then what became of it."""
    label = f"{row.marked_title} · {row.run_id[-4:]}" if alike else row.marked_title
    # On a phone a run takes two lines, which stand nearer to each other than to the next run's.
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
        st.page_link("run.py", label=plain(label), query_params={"run": row.run_id}, width=TITLE_WIDTH)
        st.caption(plain(f"{short(row.dataset)} · {short(row.forget)}"), width=FORGOTTEN_WIDTH)
        if row.verdict:
            verdict_badge(row.verdict)
        else:
            state_badge(row.state)
        if not row.demo and (when := ago(row.submitted)) != "–":
            st.caption(when, width="content")
