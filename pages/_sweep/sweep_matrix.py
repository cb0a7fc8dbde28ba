"""The matrix of a sweep: one line per method and forget set, one cell per seed, means of the key numbers."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import streamlit as st

from cu_core.analysis.sweeps.done import DONE, key_of, matching, missing
from cu_core.analysis.sweeps.made_on import unlike_most
from cu_core.analysis.sweeps.sweep import Expanded, LeftOut, Sweep
from cu_core.analysis.sweeps.sweep_matrix import KEY_METRICS, SeedRuns, key_value, lines, tally
from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted, decimal
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.metric_record import METRICS
from cu_core.jobs import dispatcher
from cu_core.runstore.reader import RunRow
from pages._frame import gate
from pages._frame.damage_notes import name_damaged
from pages._frame.notices import say
from pages._frame.page_links import link_to
from pages._shared.downloads import table_downloads
from pages._shared.number_words import metric_text
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home

# The word beside it says the same, so colour and sign never stand alone.
SIGNS = {"succeeded": "✓", "running": "▶", "starting": "▶", "queued": "…", "failed": "✗", "cancelled": "✗", "lost": "✗"}


def live(expanded: Expanded) -> bool:
    """Whether any run of the sweep is on its way."""
    return any(row.state in ACTIVE for row in matching(expanded.runs, home()).values())


def show(sweep: Sweep, expanded: Expanded) -> None:
    """Draws how far a sweep is, what it has measured so far, and what can be done about the rest."""
    found = matching(expanded.runs, home())
    counts = tally(expanded.runs, found)
    total = len(expanded.runs)
    done = counts.get("succeeded", 0)
    st.progress(done / total if total else 0.0, f"{done} of {counted(total, 'run')}: {_in_words(counts)}")
    _buttons(sweep, expanded, found)
    shown = lines(expanded.runs, found)
    unlike = unlike_most(found.values(), home(), sweep.name)
    st.dataframe(
        shown_table(table_of(shown, unlike)),
        hide_index=True,
        placeholder="–",
        column_config={"Done": st.column_config.TextColumn("Done", help="Finished seeds of all.", width=50)},
        alt="Methods and forget sets with the state of every seed and the means of the key numbers",
    )
    st.caption(
        "In each cell of a seed: state and forget accuracy. Means ± standard deviation over the runs that have "
        "finished; of class forgetting, unseen means the classes that stay."
    )
    if unlike:
        listed = "\n".join(f"- {plain(run_id)}: {plain('; '.join(said))}" for run_id, said in unlike.items())
        st.caption(
            "Marked ≠: made otherwise than most runs here, so that times do not compare and equal seeds may differ in "
            f"the last digits.\n{listed}"
        )
    with st.container(horizontal=True):
        table_downloads(numbers_of(shown), "sweep", "sweep")
    name_damaged(found.values())
    left_out_section(expanded.left_out)


def table_of(shown: list[SeedRuns], unlike: Collection[str] = ()) -> pd.DataFrame:
    """The matrix as it is shown; runs that were made otherwise than the others, by their ids, are marked."""
    seeds = sorted({seed for line in shown for seed in line.cells})
    rows = []
    for line in shown:
        row: dict[str, object] = {
            "Method": line.title,
            "Forget set": line.forget,
            "Done": f"{len(line.succeeded)}/{len(line.cells)}",
        }
        row |= {f"Seed {seed}": cell_text(line.cells[seed], unlike) if seed in line.cells else "" for seed in seeds}
        for metric in KEY_METRICS:
            mean, deviation = line.mean(metric)
            spread = "" if deviation is None else f" ± {_plain(metric, deviation)}"
            row[METRICS[metric].heading] = None if mean is None else metric_text(metric, mean) + spread
        rows.append(row)
    return pd.DataFrame(rows)


def cell_text(row: RunRow | None, unlike: Collection[str] = ()) -> str:
    """One run in a few words: its state, then how far it is or its forget accuracy."""
    if row is None:
        return "not queued"
    sign = SIGNS[row.state]
    if row.state == "succeeded":
        origin = f" ({row.origin})" if row.origin else ""
        mark = " ≠" if row.run_id in unlike else ""
        return f"{sign} {metric_text('forget_acc', key_value(row, 'forget_acc'))}{origin}{mark}"
    if row.state == "running" and row.phase:
        part = "" if row.fraction is None else f" {row.fraction:.0%}"
        return f"{sign} {row.phase}{part}"
    return f"{sign} {row.state}"


def numbers_of(shown: list[SeedRuns]) -> pd.DataFrame:
    """The matrix as numbers for files: one row per line and seed."""
    rows = [
        {
            "method": line.method,
            "title": line.title,
            "forget": line.forget,
            "seed": seed,
            "run_id": row.run_id if row else None,
            "state": row.state if row else "missing",
            **{metric: key_value(row, metric) if row else None for metric in KEY_METRICS},
        }
        for line in shown
        for seed, row in line.cells.items()
    ]
    return pd.DataFrame(rows).astype({metric: "Float64" for metric in KEY_METRICS}) if rows else pd.DataFrame()


def left_out_section(left_out: tuple[LeftOut, ...]) -> None:
    """What the sweep cannot run, and why."""
    if not left_out:
        return
    with st.expander(f"Left out: {len(left_out)}", icon=":material/block:"):
        st.dataframe(
            shown_table(
                pd.DataFrame([{"Method": x.method, "Forget set": x.forget, "Why": x.reason} for x in left_out])
            ),
            hide_index=True,
            column_config={"Why": st.column_config.TextColumn("Why", width="large")},
            placeholder="–",
            alt="Methods and forget sets that do not go together, with the reason",
        )


def queue_missing(expanded: Expanded, token: str) -> int:
    """Queues what neither has succeeded nor is on its way; returns how many runs these are.

    Runs of the sweep that failed, were cancelled or lost go on where they were, as far as they are the visitor's.

    Raises:
        UnlearnscopeError: a run that cannot be queued.
    """
    desk = gate.desk()
    desk.require("launch")
    found = matching(expanded.runs, home())
    todo = missing(expanded.runs, found)
    # A stopped run of somebody else stays as it is; one's own is made beside it.
    stopped = {row.run_id for row in found.values() if row.state not in DONE and gate.allowed("resume", row.owner)}
    for run_id in stopped:
        desk.resume(run_id)
    fresh = missing(expanded.runs, matching(expanded.runs, home()))
    for spec in fresh:
        desk.launch(spec, token=f"{token}-{spec.content_hash()}")
    if todo:
        dispatcher.ensure_dispatcher(home())
    return len(todo)


def _again(expanded: Expanded, token: str) -> None:
    try:
        queue_missing(expanded, token)
    except UnlearnscopeError as error:
        say(error)


def _buttons(sweep: Sweep, expanded: Expanded, found: dict[str, RunRow]) -> None:
    ordered = [row for spec in expanded.runs if (row := found.get(key_of(spec))) is not None]
    begun = [row for row in ordered if row.rounds or row.state == "succeeded"]
    todo = missing(expanded.runs, found)
    with st.container(horizontal=True, vertical_alignment="center"):
        # The group in the address where it holds all runs; else each by its id.
        own = {row.group for row in begun} == {sweep.name}
        where = {"group": sweep.name} if own else {"runs": ",".join(row.run_id for row in begun)}
        if begun:
            link_to("compare", "Compare these runs", **where)
        if todo:
            gate.button(
                f"Queue the {len(todo)} that are missing",
                "launch",
                key="queue_rest",
                icon=":material/replay:",
                on_click=_again,
                args=(expanded, st.session_state["sweep_token"]),
            )


def _in_words(counts: dict[str, int]) -> str:
    names = {"missing": "not queued"}
    return ", ".join(f"{n} {names.get(state, state)}" for state, n in counts.items()) or "none"


def _plain(metric: str, value: float) -> str:
    return f"{100 * value:.1f}" if METRICS[metric].percent else decimal(value)
