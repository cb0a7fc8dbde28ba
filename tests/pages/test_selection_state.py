"""The one place of the selection: who changes it, who is told to adopt it, and what comes too late."""

from __future__ import annotations

import numpy as np
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from pages._selection.selection_state import Focus
from tests.madeup import write_run


def steps() -> None:
    import streamlit as st  # noqa: PLC0415 - runs as a file of its own

    from cu_core.runstore.reader import open_run  # noqa: PLC0415
    from pages._selection.selection_state import clear, follow, pick, selection_of  # noqa: PLC0415
    from pages._shared.server_home import home  # noqa: PLC0415

    view, seen = open_run(home(), "madeup-1"), []

    def note() -> None:
        picked = selection_of(view)
        seen.append((picked.rows.tolist(), picked.revision, picked.source))

    note()
    follow("madeup-1", [5, 3, 5], "Drift", revision=0)
    note()
    pick("madeup-1", [7, 1], "Drift")
    note()
    follow("madeup-1", [9], "Signal space", revision=0)
    note()
    follow("madeup-1", [9, 100_000, -4], "Signal space", revision=1)
    note()
    follow("madeup-1", [], "Drift")
    note()
    pick("other", [2], "Drift")
    clear("madeup-1")
    note()
    st.session_state["seen"] = seen


def test_who_changes_the_selection_and_who_has_to_adopt_it(home: Home) -> None:
    write_run(home)
    app = AppTest.from_function(steps, default_timeout=200).run()
    assert not app.exception, app.exception
    assert app.session_state["seen"] == [
        ([], 0, ""),
        # Told by the browser, which has it already.
        ([3, 5], 0, "Drift"),
        # Chosen in Python: a new revision tells the browser to adopt it.
        ([1, 7], 1, "Drift"),
        # Made on what was shown before that: too late.
        ([1, 7], 1, "Drift"),
        # Rows that the run does not have are left out.
        ([9], 1, "Signal space"),
        # A component that sees to that itself is always believed.
        ([], 1, "Drift"),
        ([], 2, ""),
    ]


def test_a_page_is_narrowed_or_has_its_rows_marked() -> None:
    shown, rows = np.array([1, 2, 3, 9]), np.array([2, 9, 40])
    alone, among = Focus(rows, True), Focus(rows)
    assert alone.within(shown).tolist() == [2, 9] and not alone.among(shown).any()
    assert among.within(shown).tolist() == [1, 2, 3, 9] and among.among(shown).tolist() == [False, True, False, True]
    assert bool(among) and not Focus(np.empty(0, np.int64))
