"""Published tables beside the numbers of runs made here, and one click that queues the runs which are missing."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

import pandas as pd
import streamlit as st

from cu_core.compat import check
from cu_core.errors import UnlearnscopeError
from cu_core.papers.fill import Filled, Finished, fill, finished_runs, waiting_runs
from cu_core.papers.runs import same_images
from cu_core.papers.scales import SCALES
from cu_core.papers.tables import TABLES
from cu_core.papers.words import (
    NOTHING,
    command,
    counts_text,
    ours_text,
    paper_text,
    shown_columns,
    state_text,
)
from cu_core.runs import store
from cu_core.runs.dispatcher import ensure_dispatcher
from cu_core.runs.reader import list_runs
from cu_core.spec import RunSpec
from pages._common import home

REFRESH_SECONDS = 5.0
HOME = home()
SCALE_TITLES = {"digits": "Digits: minutes", "small": "Reduced", "paper": "The paper's"}


@st.cache_data(max_entries=2, show_spinner=False)
def finished(root: str, stamp: tuple[tuple[str, float | None], ...]) -> list[Finished]:
    """All finished runs; `stamp` says which there are."""
    return finished_runs(HOME)


def stamp() -> tuple[tuple[str, float | None], ...]:
    """Which runs have succeeded, and when."""
    return tuple((row.run_id, row.finished) for row in list_runs(HOME) if row.state == "succeeded")


def filled_table(table: str, scale: str) -> Filled:
    """A table at a scale with the runs of this home."""
    return fill(TABLES[table], SCALES[scale], finished(str(HOME.root), stamp()), waiting_runs(HOME))


def queue(specs: list[RunSpec], images: str) -> None:
    """Queues runs; CIFAR-10 is read from a folder or zip where one is named."""
    try:
        if images:
            named = f"folder:{Path(images).expanduser().resolve()}"
            specs = [
                dataclasses.replace(s, data=dataclasses.replace(s.data, dataset=named))
                if s.data.dataset == "cifar10"
                else s
                for s in specs
            ]
        for spec in specs:
            check(spec)
        token = st.session_state["paper_token"]
        for number, spec in enumerate(specs):
            store.submit(spec, HOME, token=f"{token}-{number}")
        ensure_dispatcher(HOME)
    except UnlearnscopeError as error:
        st.session_state["paper_refused"] = str(error)
    else:
        st.session_state["paper_token"] = uuid.uuid4().hex
        st.toast(f"{len(specs)} run{'s' if len(specs) > 1 else ''} queued.", icon=":material/rocket_launch:")


def table_section(filled: Filled) -> None:
    """The table: in each cell the paper's number, then ours."""
    st.subheader(filled.title, anchor=False)
    st.caption(f"{filled.table.source}. In each cell: the paper · **ours**. {NOTHING} is a number that does not exist.")
    rows = []
    for row in filled.rows:
        cells = {filled.table.heading: row.row.title}
        for column, published in shown_columns(filled):
            cell = row.cells[column.id]
            ours = f"**{ours_text(column, cell)}**" if cell.mean is not None else f":gray[{NOTHING}]"
            if not row.runs:
                ours = f":gray[{state_text(row) if row.spec is not None else 'cannot be run'}]"
            cells[column.title] = f"{paper_text(cell)} · {ours}" if published else ours
        rows.append(cells)
    st.table(pd.DataFrame(rows).set_index(filled.table.heading), border="horizontal")
    for row in filled.rows:
        if row.spec is None:
            st.caption(f":material/block: {row.row.title}: this row {row.row.why_not}.")


def facts_section(filled: Filled) -> None:
    """Samples, seeds, machine and runs behind each row."""
    if not any(row.runs for row in filled.rows):
        return
    st.dataframe(
        pd.DataFrame(
            [
                {
                    filled.table.heading: row.row.title,
                    "Samples": counts_text(row.counts),
                    "Seeds": ", ".join(map(str, sorted(row.seeds))),
                    "Machine": " / ".join(row.hardware),
                    "Run": f"/run?run={row.runs[-1]}",
                }
                for row in filled.rows
                if row.runs
            ]
        ),
        hide_index=True,
        column_config={"Run": st.column_config.LinkColumn("Latest run", display_text="open")},
        alt="Samples, seeds, machine and latest run behind each row",
    )
    if any(len(row.runs) > 1 for row in filled.rows):
        st.caption("Ours: mean ± standard deviation over seeds.")
    for note in dict.fromkeys(note for row in filled.rows for note in row.notes):
        st.caption(f":material/info: {note}")


def fill_section(filled: Filled) -> None:
    """Queues the runs that are missing for a seed."""
    st.session_state.setdefault("paper_token", uuid.uuid4().hex)
    images = ""
    with st.container(border=True):
        st.markdown("**Fill this table**")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            seed = int(st.number_input("Seed", 0, 2**31 - 1, 0, key="paper_seed", width=140))
            if any(row.spec is not None and row.spec.data.dataset == "cifar10" for row in filled.rows):
                images = st.text_input(
                    "CIFAR-10 from a folder or zip on this machine (optional)",
                    key="paper_images",
                    placeholder="cifar10.zip; left empty, it is downloaded",
                ).strip()
            specs = filled.without_seed(seed)
            st.button(
                f"Queue {len(specs)} run{'' if len(specs) == 1 else 's'}" if specs else "Nothing is missing",
                key="queue_table",
                type="primary",
                icon=":material/rocket_launch:",
                disabled=not specs,
                on_click=queue,
                args=(specs, images),
            )
        if images and not same_images(f"folder:{images}", "cifar10"):
            st.warning(
                "Runs are told apart by the name of the folder or zip: only one that is named cifar10 or cifar10.zip "
                "counts as CIFAR-10 in this table.",
                icon=":material/warning:",
            )
        if refused := st.session_state.pop("paper_refused", None):
            st.error(refused, icon=":material/error:")
        st.caption("Without a browser:")
        st.code(command(filled), language="bash")
        if filled.scale.id == "paper":
            st.caption("This is the paper's scale: it wants a GPU and many hours.")


def body() -> None:
    """The chosen table."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        table = st.segmented_control(
            "Table",
            list(TABLES),
            default=next(iter(TABLES)),
            required=True,
            key="table",
            bind="query-params",
        )
        scale = st.segmented_control(
            "Scale",
            list(SCALE_TITLES),
            format_func=SCALE_TITLES.__getitem__,
            default="digits",
            required=True,
            key="scale",
            bind="query-params",
        )
    filled = filled_table(table, scale)
    table_section(filled)
    facts_section(filled)
    for note in filled.table.notes:
        st.caption(note)
    fill_section(filled)


st.title("Paper tables", anchor=False)
st.caption(
    "A run belongs to a row by what it did: images, network, training, forget set, method and all hyper-parameters. "
    "Numbers of different scales never share a table."
)
busy = bool(waiting_runs(HOME))
st.fragment(run_every=REFRESH_SECONDS if busy else None)(body)()
