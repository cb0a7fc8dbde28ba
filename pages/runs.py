"""All runs: live table, comparison of curves, and the bin."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd
import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.spec import short
from cu_core.jobs import submission
from cu_core.jobs.demo import first_run
from cu_core.metrics import METRICS
from cu_core.runstore.reader import RunRow, list_runs, open_run
from pages import _gate
from pages._common import (
    ACTIVE,
    MOST_LISTED,
    STATES,
    ago,
    draw_curves,
    duration,
    empty_state,
    home,
    offer_undo,
    run_curves,
    say,
)
from pages._downloads import table_downloads
from pages._text import plain

REFRESH_SECONDS = 2.0
MOST_COMPARED = 6
KEY_METRICS = ("forget_acc", "retain_acc", "test_acc", "mia_auc")

# Only where a session begins: leaving this page for a run puts the run into this page's entry of the browser's
# history too, and the back button has to lead here.
if (run_id := st.query_params.get("run")) and "last_run" not in st.session_state:
    st.switch_page("run.py", query_params={"run": run_id})

HOME = home()
# Who looks at this; empty for the owner of the machine.
ME = user.name if (user := _gate.visitor()) else ""


def cancel_first_run(run_id: str) -> None:
    """Cancels the run that the first start queued."""
    try:
        _gate.desk().cancel(run_id)
    except UnlearnscopeError as error:
        say(error)


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
    said = (row.run_id, row.title, row.method, row.forget, row.dataset, row.backbone, row.group, row.owner)
    words = " ".join(said).lower()
    return all(word in words for word in text.lower().split()) and (not states or row.state in states)


def table_of(rows: list[RunRow]) -> pd.DataFrame:
    """The rows as they are shown."""
    return pd.DataFrame(
        {
            "open": ["Open"] * len(rows),
            "title": [("demo · " if row.demo else "") + row.title for row in rows],
            "state": [[row.state] for row in rows],
            "progress": [1.0 if row.state == "succeeded" else row.fraction for row in rows],
            "left": [duration(row.seconds_left) if row.state in ACTIVE else "" for row in rows],
            **{
                key: pd.array([_share(key, (row.metrics or {}).get(key)) for row in rows], dtype="Float64")
                for key in KEY_METRICS
            },
            "rounds": [row.rounds for row in rows],
            "method": [row.method for row in rows],
            "forget": [short(row.forget) for row in rows],
            "model": [f"{short(row.dataset)} · {row.backbone}" for row in rows],
            "seed": [row.seed for row in rows],
            "submitted": [ago(row.submitted) for row in rows],
            "owner": [row.owner for row in rows],
            "run": [row.run_id for row in rows],
        }
    )


def numbers_of(rows: list[RunRow]) -> pd.DataFrame:
    """The rows for files: everything that a list knows of a run, shares as numbers from 0 to 1."""
    plain = ("run_id", "title", "state", "dataset", "backbone", "forget", "task", "method", "seed", "group", "owner",
             "rounds", "submitted", "started", "finished", "error")  # fmt: skip
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


def number_column(metric: str, label: str, width: int = 70):
    """A column of one metric, explained in its help."""
    number = "%.1f %%" if METRICS[metric].percent else "%.3f"
    return st.column_config.NumberColumn(label, format=number, help=METRICS[metric].summary, width=width)


# In the order of STATES; colour-blind safe, and the word stands in the cell.
STATE_COLOURS = ["#8A8F98", "#56B4E9", "#0072B2", "#009E73", "#D55E00", "#E69F00", "#9467D6"]
COLUMNS = {
    "open": st.column_config.ButtonColumn("", type="tertiary", on_click=open_clicked, key="open_click", width=72),
    "title": st.column_config.TextColumn("Run", width=164),
    "state": st.column_config.MultiselectColumn("State", options=list(STATES), color=STATE_COLOURS, width=92),
    "progress": st.column_config.ProgressColumn("Progress", min_value=0.0, max_value=1.0, format="percent", width=88),
    "left": st.column_config.TextColumn("Time left", width=72),
    "forget_acc": number_column("forget_acc", "Forget"),
    "retain_acc": number_column("retain_acc", "Retain"),
    "test_acc": number_column("test_acc", "Unseen"),
    "mia_auc": number_column("mia_auc", "Memb. AUC", width=86),
    "rounds": st.column_config.NumberColumn("Rounds", width=65),
    "method": "Method",
    "forget": "Forget set",
    "model": "Data · model",
    "seed": st.column_config.NumberColumn("Seed", width=55),
    "submitted": "Submitted",
    "owner": "By",
    "run": "Run id",
}


def board() -> None:
    """The table and the comparison; drawn again by itself while a run is active."""
    rows = list_runs(HOME)
    if LIVE and not any(row.state in ACTIVE for row in rows):
        st.rerun()
    if opened := st.session_state.pop("open_run", None):
        st.switch_page("run.py", query_params={"run": opened})
    text, states = st.session_state.get("q") or "", st.session_state.get("state") or []
    owner = ME if st.session_state.get("mine") else None
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
    columns = COLUMNS if any(row.owner for row in rows) else COLUMNS | {"owner": None}
    if not any(row.state in ACTIVE for row in shown):
        # Room for the names where nothing is under way.
        columns = columns | {"left": None, "title": st.column_config.TextColumn("Run", width=164 + 72)}
    st.dataframe(
        table_of(shown),
        column_config=columns,
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
        f"{len(found):,} of {len(rows):,} runs.{latest} Tick runs to compare their curves. "
        "Accuracies of runs at work are those of the latest round on the recorded samples; finished runs are measured "
        "on all samples that the stopping rule does not look at."
    )
    if compared:
        compare([row for row in shown if row.run_id in compared])


def compare(rows: list[RunRow]) -> None:
    """Curves over rounds of the ticked runs."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Compare {len(rows)} run{'s' if len(rows) > 1 else ''}", anchor=False, width="content")
        if st.button("Compare", key="to_compare", icon=":material/balance:", help="Side by side, against retraining."):
            st.switch_page("compare.py", query_params={"runs": ",".join(row.run_id for row in rows)})
    if len(rows) > MOST_COMPARED:
        st.caption(f"The first {MOST_COMPARED} are drawn; more lines could not be told apart.")
    curves = []
    for row in rows[:MOST_COMPARED]:
        found = run_curves(open_run(HOME, row.run_id), f"{row.title} · seed {row.seed} · {row.run_id[-4:]}")
        if found is None:
            st.caption(f"{plain(row.title)}: no round recorded yet.")
        else:
            curves.append(found)
    if curves:
        draw_curves(curves, key="compare_curves")


def show_bin() -> None:
    """Deleted runs, to bring back or to remove for good."""
    binned = submission.binned(HOME)
    if not binned:
        st.caption("The bin is empty. Deleted runs stay here until you empty it.")
        return
    for row in binned:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(row.title)}** · `{row.run_id}`", width="stretch")
            pressed = _gate.button("Restore", "restore", row.owner, key=f"restore_{row.run_id}", icon=":material/undo:")
            if pressed:
                attempt(lambda run_id=row.run_id: _gate.desk().restore(run_id))
    erasable = _gate.desk().erasable()
    if not erasable:
        st.caption(":material/lock: Nothing here is yours to remove for good.")
        return
    with st.popover("Empty the bin", icon=":material/delete_forever:"):
        whose = "" if len(erasable) == len(binned) else " of yours"
        st.write(f"This removes {len(erasable)} runs{whose} for good; there is no undo.")
        if st.button("Remove them for good", type="primary", key="empty_bin"):
            attempt(lambda: _gate.desk().erase(erasable))


def attempt(action) -> None:
    """Does something and draws the page again; says in words why it could not be done."""
    try:
        action()
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.rerun()


with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
    st.title("Runs", anchor=False)
    if _gate.button("Launch a run", "launch", type="primary", icon=":material/rocket_launch:"):
        st.switch_page("launch.py")

offer_undo()
everything = list_runs(HOME)
LIVE = any(row.state in ACTIVE for row in everything)

queued_by_itself = first_run(HOME)
first = next((row for row in everything if row.run_id == queued_by_itself), None)
if first and first.state in ACTIVE:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/waving_hand: **{plain(first.title)}** was queued by itself, because this is the first start. "
            "It trains a small model on handwritten digits and makes it forget the fives.",
            width="stretch",
        )
        if st.button("Watch it", key="watch_first", icon=":material/monitoring:"):
            st.switch_page("run.py", query_params={"run": first.run_id})
        _gate.button(
            "Cancel it", "cancel", first.owner, key="cancel_first", icon=":material/cancel:",
            on_click=cancel_first_run, args=(first.run_id,),
        )  # fmt: skip

if not everything and not submission.binned(HOME):
    empty_state(
        "No runs yet", "Pick a preset and watch a small model forget in under a minute.", "Launch a run", "launch.py"
    )

with st.container(horizontal=True, vertical_alignment="center"):
    st.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="Search title, method, data, id",
        label_visibility="collapsed",
        icon=":material/search:",
        width=270,
    )
    st.pills(
        "State", list(STATES), selection_mode="multi", key="state", bind="query-params", label_visibility="collapsed"
    )
    if any(row.owner for row in everything):
        st.toggle("Mine", key="mine", bind="query-params", help="Only runs that you have launched.")

st.fragment(run_every=REFRESH_SECONDS if LIVE else None)(board)()

bin_box = st.expander("Bin", icon=":material/delete:", key="bin_box", on_change="rerun")
if bin_box.open:
    with bin_box:
        show_bin()
