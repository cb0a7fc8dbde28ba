"""What is damaged or missing among the files of runs, named on the pages that show them, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from cu_core.runstore.reader import RunRow, RunView, open_run
from cu_core.runstore.verify import how_to_mend
from pages._shared.plain_text import plain
from pages._shared.server_home import home

MOST_NAMED = 8
"""Damaged files that are named; there may be hundreds."""


def show_damage(view: RunView) -> None:
    """Says what of a run's files is damaged or missing, and what can be done; nothing where nothing is."""
    _name(
        damage_of(str(home().root), view.run_id, view.state),
        title="Files of this run are damaged or missing",
        words="What rests on these files is left out or incomplete.",
        mend=how_to_mend(view.run_id),
    )


# Whole tables are read for it, while a page is drawn with every click.
@st.cache_data(ttl=10, max_entries=64, show_spinner=False)
def damage_of(root: str, run_id: str, state: str) -> list[str]:
    """What is wrong with the files that pages draw from, in words."""
    return [str(problem) for problem in open_run(home(), run_id).shown_damage()]


def name_damaged(rows: Iterable[RunRow]) -> None:
    """Names the runs of a list that are damaged, with what is, and what can be done; nothing where none is."""
    _name(
        [f"{row.run_id}: {row.error}" for row in rows if row.damaged],
        title="Runs with damaged or missing files",
        words="Numbers that rest on these files are left out.",
        mend=how_to_mend("RUN"),
    )


def _name(found: Sequence[str], *, title: str, words: str, mend: str) -> None:
    if not found:
        return
    listed = "".join(f"\n- {plain(one)}" for one in found[:MOST_NAMED])
    more = f"And {len(found) - MOST_NAMED} more. " if len(found) > MOST_NAMED else ""
    st.warning(f"{words}{listed}\n\n{more}{mend}", title=title, icon=":material/broken_image:")
