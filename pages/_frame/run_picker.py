"""Which run a page is about: the address says, a picker changes it, and all pages about one run share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.runstore.reader import RunRow, RunView, list_runs, open_run
from cu_core.runstore.verify import how_to_mend
from pages._frame import gate
from pages._frame.damage_notes import show_damage
from pages._frame.notices import empty_state
from pages._frame.page_links import link_to
from pages._frame.page_records import Page
from pages._frame.run_deletion import delete_run
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE, ENDED
from pages._shared.server_home import home


def wanted_run() -> str | None:
    """Id of the run in the address, else of the one looked at last in this session."""
    return st.query_params.get("run") or st.session_state.get("last_run")


def chosen_run(page: Page) -> tuple[RunView, Callable[[], None]]:
    """The run that a page is about, and what draws the choice of another; ends the page in words where there is none.

    The address keeps the choice (``?run=ID``), so that a link, a reload or a new session shows the
    same run, and all pages about one run share it.

    Args:
        page: that is drawn; one that needs rounds offers only runs that have recorded one.
    """
    if st.session_state.pop("to_runs", None):
        st.switch_page("runs.py")
    need_rounds = page.needs == "rounds"
    rows = {row.run_id: row for row in list_runs(home()) if not need_rounds or row.rounds}
    wanted = wanted_run()
    addressed = st.query_params.get("run")
    if wanted not in rows:
        # A wrong address shows no run at all rather than another one.
        wanted = None if addressed else next(iter(rows), None)
    # The address decides, also after a link or the back button; the widget follows.
    st.session_state["picked_run"] = wanted
    pick = partial(_pick, rows)
    if wanted is None:
        st.title(page.title, anchor=False)
        if addressed:
            _explain_missing(addressed, need_rounds)
            pick()
        else:
            empty_state(
                "Nothing to look at yet",
                "Runs appear here once they have recorded their first round.",
                "Launch a run",
                "launch.py",
            )
        st.stop()
    remember_run(wanted)
    try:
        view = open_run(home(), wanted)
        _ = view.spec
    except UnlearnscopeError as error:
        st.title(page.title, anchor=False)
        pick()
        st.error(f"{plain(error)} {how_to_mend(wanted)}", title="This run cannot be shown", icon=":material/error:")
        gate.button(
            "Move it to the bin",
            "delete",
            rows[wanted].owner,
            icon=":material/delete:",
            key="delete_damaged",
            on_click=delete_run,
            args=(wanted, rows[wanted].title),
        )
        st.stop()
    return view, pick


def _pick(rows: Mapping[str, RunRow]) -> None:
    st.selectbox(
        "Run",
        list(rows),
        format_func=lambda run_id: run_label(rows[run_id]),
        key="picked_run",
        on_change=_remember_pick,
        placeholder="Choose a run",
    )


def _remember_pick() -> None:
    if st.session_state["picked_run"]:
        remember_run(st.session_state["picked_run"])


def remember_run(run_id: str) -> None:
    """Puts the run into the address and into the session."""
    st.session_state["last_run"] = run_id
    if st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id


def _explain_missing(run_id: str, need_rounds: bool) -> None:
    try:
        view = open_run(home(), run_id)
    except UnlearnscopeError as error:
        st.warning(plain(error), title="This address names no run", icon=":material/link_off:")
        return
    if need_rounds:
        ended = f"{ENDED.get(view.state, view.state)}; it has no round that can be shown"
        word = "is still at work; no round has been recorded yet" if view.state in ACTIVE else ended
        st.info(f"It {word}.", title=plain(view.row().title), icon=":material/hourglass_empty:")
        show_damage(view)
        link_to("run", "Follow this run", run=run_id)


def run_label(row: RunRow) -> str:
    """One line that tells runs apart in a picker."""
    return f"{row.marked_title} · seed {row.seed} · {row.state} · {row.run_id}"
