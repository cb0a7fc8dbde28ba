"""Published tables beside the numbers of runs made here, and one click that queues the runs which are missing."""

from __future__ import annotations

import dataclasses
import uuid

import pandas as pd
import streamlit as st

from cu_core.analysis.papers.fill import Filled, fill, finished_runs, waiting_runs
from cu_core.analysis.papers.paper_list import ALL_TABLES, PAPERS, scales_of, usual_scale
from cu_core.analysis.papers.paper_runs import same_images, seeds_at
from cu_core.analysis.papers.words import (
    NOTHING,
    command,
    counts_text,
    numbers_of,
    ours_text,
    paper_text,
    shown_columns,
    state_text,
)
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.grid import parse_axis
from cu_core.catalogue.spec import RunSpec
from cu_core.data import DATASETS
from cu_core.jobs.dispatcher import ensure_dispatcher
from pages import _gate
from pages._common import home
from pages._downloads import table_downloads
from pages._text import plain

REFRESH_SECONDS = 5.0
HOME = home()
# Images that a run may take from a folder or zip, and how people call them.
FROM_FILES = {"cifar10": "CIFAR-10", "folder:mini-imagenet": "Mini-ImageNet"}


def filled_table(table: str, scale: str) -> Filled:
    """A table at a scale with the runs of this home."""
    known = ALL_TABLES[table]
    at = scales_of(known)[scale]
    return fill(known, at, finished_runs(HOME, known, [at]), waiting_runs(HOME))


def queue(specs: list[RunSpec], images: str) -> None:
    """Queues runs; what can be read from files is read from the folder or zip that is named."""
    desk = _gate.desk()
    try:
        if images:
            specs = [
                dataclasses.replace(s, data=dataclasses.replace(s.data, dataset=f"folder:{images}"))
                if s.data.dataset in FROM_FILES
                else s
                for s in specs
            ]
        for spec in specs:
            desk.check(spec)
            check(spec)
        token = st.session_state["paper_token"]
        for number, spec in enumerate(specs):
            desk.launch(spec, token=f"{token}-{number}")
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
    with st.container(horizontal=True):
        table_downloads(numbers_of(filled), filled.preset, "paper_table")
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
    from_files = {row.spec.data.dataset for row in filled.rows if row.spec is not None} & set(FROM_FILES)
    with st.container(border=True):
        st.markdown("**Fill this table**")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            seeds = seeds_field(filled)
            for dataset in sorted(from_files):
                optional = " (optional)" if dataset in DATASETS else ""
                images = st.text_input(
                    f"{FROM_FILES[dataset]} from a folder or zip on this machine{optional}",
                    key="paper_images",
                    placeholder="cifar10.zip; left empty, it is downloaded" if optional else "mini-imagenet.zip",
                ).strip()
            specs = filled.without(seeds)
            _gate.button(
                f"Queue {len(specs)} run{'' if len(specs) == 1 else 's'}" if specs else "Nothing is missing",
                "launch",
                key="queue_table",
                type="primary",
                icon=":material/rocket_launch:",
                disabled=not specs,
                on_click=queue,
                args=(specs, images),
            )
        for dataset in from_files:
            name = dataset.rpartition(":")[2]
            if images and not same_images(f"folder:{images}", dataset):
                st.warning(
                    f"Runs are told apart by the name of the folder or zip: only one that is named {name} or "
                    f"{name}.zip counts as {FROM_FILES[dataset]} in this table.",
                    icon=":material/warning:",
                )
        if refused := st.session_state.pop("paper_refused", None):
            st.error(plain(refused), icon=":material/error:")
        st.caption("Without a browser:")
        st.code(command(filled), language="bash")
        if filled.scale.id == "paper":
            st.caption("This is the paper's scale: it wants a GPU and many hours.")


def seeds_field(filled: Filled) -> list[int]:
    """The seeds to fill a table with, by default those of the table; none while they cannot be read."""
    usual = seeds_at(filled.table, filled.scale)
    default = f"{usual[0]}-{usual[-1]}" if len(usual) > 1 else str(usual[0])
    # A key per table and scale: another one starts from its own seeds.
    text = st.text_input("Seeds", default, key=f"paper_seeds_{filled.preset}", width=140, help="0-4, or 0, 3")
    try:
        return [int(value) for value in parse_axis(text)]
    except (BadInput, ValueError):
        st.markdown(":red[:material/error: whole numbers: 0-4, or 0, 3]")
        return []


def body() -> None:
    """The chosen table."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        table = st.segmented_control(
            "Table",
            list(ALL_TABLES),
            default=next(iter(ALL_TABLES)),
            required=True,
            key="table",
            bind="query-params",
            help="  \n".join(f"{', '.join(paper.tables)}: {paper.title}." for paper in PAPERS.values()),
        )
        scales = scales_of(ALL_TABLES[table])
        usual = usual_scale(ALL_TABLES[table]).id
        if st.session_state.get("scale", usual) not in scales:
            st.session_state["scale"] = usual
        scale = st.segmented_control(
            "Scale",
            list(scales),
            format_func=lambda name: scales[name].title,
            default=usual,
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
