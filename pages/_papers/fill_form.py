"""What fills a published table: seeds, images from files, and one click that queues the runs which are missing."""

from __future__ import annotations

import dataclasses
import uuid

import streamlit as st

from cu_core.analysis.papers.filled_table import Filled
from cu_core.analysis.papers.paper_runs import same_images, seeds_at
from cu_core.analysis.papers.table_text import command
from cu_core.base.display_text import counted
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.grid import parse_axis
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import dispatcher
from pages._frame import gate
from pages._shared.plain_text import plain
from pages._shared.server_home import home

# Images that a run may take from a folder or zip, and how people call them.
FROM_FILES = {"cifar10": "CIFAR-10", "folder:mini-imagenet": "Mini-ImageNet"}


def queue(specs: list[RunSpec], images: str) -> None:
    """Queues runs; what can be read from files is read from the folder or zip that is named."""
    desk = gate.desk()
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
        for spec in specs:
            desk.launch(spec, token=f"{token}-{spec.content_hash()}")
        dispatcher.ensure_dispatcher(home())
    except UnlearnscopeError as error:
        st.session_state["paper_refused"] = str(error)
    else:
        st.session_state["paper_token"] = uuid.uuid4().hex
        st.toast(f"{counted(len(specs), 'run')} queued.", icon=":material/rocket_launch:")


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
            gate.button(
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
        st.code(command(filled), language="bash", wrap_lines=True)
        if filled.scale.id == "paper":
            st.caption("This is the paper's own scale, by far the longest to compute: it wants a GPU.")


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
