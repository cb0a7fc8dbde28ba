"""The table of all runs: what is listed, how it is shown, and what ticking and opening a row does."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.own_code import short_code
from cu_core.catalogue.question_record import STATES as VERDICT_STATES
from cu_core.catalogue.spec import short
from cu_core.catalogue.verdict_states import state_words
from cu_core.figures.theme import VERDICT_COLOURS
from cu_core.runstore.reader import RunRow, list_runs
from cu_core.runstore.rows import mentions
from pages._frame.damage_notes import name_damaged
from pages._runs.ticked_curves import ticked_curves
from pages._shared.downloads import table_downloads
from pages._shared.number_words import ago, duration
from pages._shared.run_states import ACTIVE, STATES
from pages._shared.server_home import home

# A longer table takes seconds to send and to draw; nobody reads it, and a search looks at all runs.
MOST_LISTED = 2000

KEY_METRICS = ("forget_acc", "retain_acc", "test_acc", "mia_auc")
# In the order of STATES; colour-blind safe, and the word stands in the cell.
STATE_COLOURS = ["#8A8F98", "#56B4E9", "#0072B2", "#009E73", "#D55E00", "#E69F00", "#9467D6"]


def open_clicked() -> None:
    """Remembers the row whose button was clicked; callbacks cannot switch pages themselves."""
    click = st.session_state.get("open_click")
    if click:
        st.session_state["open_run"] = st.session_state["shown_ids"][click["row"]]


def remember_selection(key: str) -> None:
    """Keeps the selected runs by id, since rows move when a run arrives."""
    shown = st.session_state["shown_ids"]
    st.session_state["compared"] = [shown[i] for i in st.session_state[key]["selection"]["rows"]]


def wanted(row: RunRow, text: str, states: list[str], owner: str | None) -> bool:
    """Whether a row passes the search text, the state filter and the filter of one owner's runs."""
    if owner is not None and row.owner != owner:
        return False
    return mentions(row, text) and (not states or row.state in states)


def table_of(rows: list[RunRow]) -> pd.DataFrame:
    """The rows as they are shown."""
    return pd.DataFrame(
        {
            "open": ["Open"] * len(rows),
            "title": [row.marked_title for row in rows],
            "state": [[row.state] for row in rows],
            "verdict": [[state_words(row.verdict)] if row.verdict else None for row in rows],
            "progress": [1.0 if row.state == "succeeded" else row.fraction for row in rows],
            "left": [duration(row.seconds_left) if row.state in ACTIVE else "" for row in rows],
            **{
                key: pd.array([_share(key, (row.metrics or {}).get(key)) for row in rows], dtype="Float64")
                for key in KEY_METRICS
            },
            "rounds": [row.rounds for row in rows],
            "method": [row.method for row in rows],
            "forget": [short(row.forget) for row in rows],
            "model": [f"{short(row.dataset)} · {short_code(row.backbone)}" for row in rows],
            "seed": [row.seed for row in rows],
            "submitted": [ago(row.submitted) for row in rows],
            "owner": [row.owner for row in rows],
            "run": [row.run_id for row in rows],
        }
    )


def numbers_of(rows: list[RunRow]) -> pd.DataFrame:
    """The rows for files: everything that a list knows of a run, shares as numbers from 0 to 1."""
    plain = ("run_id", "title", "origin", "state", "verdict", "dataset", "backbone", "forget", "task", "method", "seed",
             "group", "owner", "rounds", "submitted", "started", "finished", "error")  # fmt: skip
    named = [name for name in METRICS if any((row.metrics or {}).get(name) is not None for row in rows)]
    table = pd.DataFrame(
        [
            {name: getattr(row, name) for name in plain} | {name: (row.metrics or {}).get(name) for name in named}
            for row in rows
        ]
    )
    return table.astype(dict.fromkeys(("started", "finished", *named), "Float64") | {"error": "string"})


def _share(metric: str, value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return 100 * value if METRICS[metric].percent else value


def number_column(metric: str, width: int = 70) -> Any:
    """A column of one metric, explained in its help."""
    number = "%.1f %%" if METRICS[metric].percent else "%.3f"
    return st.column_config.NumberColumn(
        METRICS[metric].heading, format=number, help=METRICS[metric].summary, width=width
    )


def columns() -> dict[str, Any]:
    """The columns of the table; a metric's says in its help what it is."""
    return {
        "open": st.column_config.ButtonColumn("", type="tertiary", on_click=open_clicked, key="open_click", width=72),
        "title": st.column_config.TextColumn("Run", width=216),
        "state": st.column_config.MultiselectColumn("State", options=list(STATES), color=STATE_COLOURS, width=92),
        "verdict": st.column_config.MultiselectColumn(
            "Verdict",
            options=[state_words(state) for state in VERDICT_STATES],
            color=[VERDICT_COLOURS[state] for state in VERDICT_STATES],
            help="Whether the model can be told from retrained ones. Sorted: runs without one, then the worst first.",
            width=160,
        ),
        "progress": st.column_config.ProgressColumn(
            "Progress", min_value=0.0, max_value=1.0, format="percent", width=88
        ),
        "left": st.column_config.TextColumn("Time left", width=72),
        "forget_acc": number_column("forget_acc"),
        "retain_acc": number_column("retain_acc"),
        "test_acc": number_column("test_acc"),
        "mia_auc": number_column("mia_auc", width=86),
        "rounds": st.column_config.NumberColumn("Rounds", width=65),
        "method": "Method",
        "forget": "Forget set",
        "model": "Data · model",
        "seed": st.column_config.NumberColumn("Seed", width=55),
        "submitted": "Submitted",
        "owner": "By",
        "run": "Run id",
    }


def board(was_live: bool, me: str) -> None:
    """The table and the curves of ticked runs; drawn again by itself while a run is active.

    Args:
        was_live: whether a run was active when the whole page was drawn; that its end draws once more.
        me: who looks at this; empty for the owner of the machine.
    """
    rows = list_runs(home())
    if was_live and not any(row.state in ACTIVE for row in rows):
        st.rerun()
    if opened := st.session_state.pop("open_run", None):
        st.switch_page("run.py", query_params={"run": opened})
    text, states = st.session_state.get("q") or "", st.session_state.get("state") or []
    owner = me if st.session_state.get("mine") else None
    found = [row for row in rows if wanted(row, text, states, owner)]
    shown = found[:MOST_LISTED]
    ids = [row.run_id for row in shown]
    st.session_state["shown_ids"] = ids
    if not shown:
        st.info("No run matches the search.", icon=":material/search_off:")
        return
    compared = [run_id for run_id in st.session_state.get("compared", []) if run_id in ids]
    # A new key whenever rows move: the browser keeps a selection by row number.
    key = f"runs_table_{abs(hash(tuple(ids)))}"
    # On a machine of one's own all runs are one's own.
    shown_columns = columns() if any(row.owner for row in rows) else columns() | {"owner": None}
    if not any(row.state in ACTIVE for row in shown):
        # Room for names and numbers where nothing is under way.
        shown_columns |= {"left": None, "progress": None, "title": st.column_config.TextColumn("Run", width=164 + 72)}
    st.dataframe(
        shown_table(table_of(shown)),
        column_config=shown_columns,
        hide_index=True,
        key=key,
        on_select=lambda: remember_selection(key),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(run_id) for run_id in compared]}},
        placeholder="–",
        alt="All runs with state, progress and key metrics",
    )
    with st.container(horizontal=True):
        table_downloads(partial(numbers_of, found), "runs", "runs", rows=len(found))
    latest = f" The latest {MOST_LISTED:,} are listed; a search finds the others." if len(found) > len(shown) else ""
    st.caption(
        f"{len(found):,} of {counted(len(rows), 'run')}.{latest} Tick runs to compare their curves. "
        "Accuracies of runs at work are those of the latest round on the recorded samples; finished runs are measured "
        "on all samples that the stopping rule does not look at."
    )
    name_damaged(found)
    if compared:
        ticked_curves([row for row in shown if row.run_id in compared])
