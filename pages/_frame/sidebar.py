"""What the sidebar says about this machine: device, dispatcher and disk."""

from __future__ import annotations

import platform
from pathlib import Path

import streamlit as st

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.version import __version__
from cu_core.jobs.dispatcher import cluster_words, dispatcher_alive, dispatcher_words
from cu_core.jobs.slots import find_slots
from cu_core.runstore.disk import floor_bytes, free_bytes
from cu_core.runstore.usage import DiskUse
from pages._frame import gate
from pages._shared.number_words import file_size
from pages._shared.plain_text import plain
from pages._shared.server_home import home

REFRESH_SECONDS = 10.0
# A small home is counted by then; a page does not wait for a large one.
FIRST_COUNT_SECONDS = 0.1


@st.fragment(run_every=REFRESH_SECONDS)
def machine() -> None:
    """Device, dispatcher, disk and version; looked up again now and then, and with them who is looking."""
    gate.check_again()
    where = home()
    cluster = away(where)
    if cluster:
        st.caption(
            f":material/lan: {cluster}",
            help="Runs work on this cluster, chosen by CU_LAUNCHER. Its own queue decides when a run starts.",
        )
    else:
        st.caption(
            f":material/memory: {device()}",
            help="Where runs work unless their form names a device. The number of places can be set with CU_SLOTS.",
        )
    alive = dispatcher_alive(where)
    st.caption(
        f":material/manufacturing: Dispatcher {'at work' if alive else 'idle; starts with the next run'}",
        help="A process of its own that gives waiting runs a place on this machine. It goes on without the browser.",
    )
    if waits := dispatcher_words(where):
        st.caption(f":orange[:material/hourglass: Runs wait: {plain(waits)}]")
    used = disk_use(str(where.root)).look(FIRST_COUNT_SECONDS)
    free = free_bytes(where.runs)
    details = ", ".join(f"{name} {file_size(size)}" for name, size in (used or {}).items()) or "counting"
    warning = " :red[almost full]" if free < floor_bytes() else ""
    taken = f"{file_size(sum(used.values()))} used, " if used else ""
    st.caption(
        f":material/hard_drive: {taken}{file_size(free)} free{warning}",
        help=f"{where.root}: {details}",
    )
    st.caption(f"Unlearnscope {__version__}")


def away(where: Home) -> str:
    """The cluster on which runs work, in words; empty where they work on this machine."""
    try:
        return plain(cluster_words(where))
    except BadInput as error:
        return f":red[{plain(str(error))}]"


@st.cache_resource(max_entries=4, show_spinner=False)
def disk_use(root: str) -> DiskUse:
    """The count of bytes by folder of the home, one for all visitors."""
    return DiskUse(Home(Path(root)))


@st.cache_data(ttl=600, max_entries=1, show_spinner=False, refresh_mode="background")
def device() -> str:
    """Where runs work, in words; asking the GPU driver takes time."""
    try:
        slots = find_slots()
    except BadInput as error:
        return f":red[{plain(error)}]"
    places = f"{len(slots)} run{'s' if len(slots) > 1 else ''} at a time"
    gpus = sorted({slot.gpu for slot in slots if slot.gpu is not None})
    if gpus:
        return f"GPU {', '.join(gpus)} · {places}"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return f"Apple GPU · {places}"
    return f"CPU, {slots[0].threads} thread{'s' if slots[0].threads > 1 else ''} · {places}"
