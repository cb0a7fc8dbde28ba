"""What the sidebar says about this machine: device, dispatcher and disk."""

from __future__ import annotations

import platform

import streamlit as st

from cu_core import __version__
from cu_core.errors import BadInput
from cu_core.home import Home
from cu_core.runs.disk import floor_bytes, folder_sizes, free_bytes
from cu_core.runs.dispatcher import dispatcher_alive
from cu_core.runs.slots import find_slots
from pages._common import file_size, home

REFRESH_SECONDS = 10.0


@st.fragment(run_every=REFRESH_SECONDS)
def machine() -> None:
    """Device, dispatcher, disk and version; looked up again now and then."""
    where = home()
    st.caption(
        f":material/memory: {device()}",
        help="Where runs work unless their form names a device. The number of places can be set with CU_SLOTS.",
    )
    alive = dispatcher_alive(where)
    st.caption(
        f":material/manufacturing: Dispatcher {'at work' if alive else 'idle; starts with the next run'}",
        help="A process of its own that gives waiting runs a place on this machine. It goes on without the browser.",
    )
    used = disk_use(str(where.root))
    free = free_bytes(where.runs)
    details = ", ".join(f"{name} {file_size(size)}" for name, size in used.items())
    warning = " :red[almost full]" if free < floor_bytes() else ""
    st.caption(
        f":material/hard_drive: {file_size(sum(used.values()))} used, {file_size(free)} free{warning}",
        help=f"{where.root}: {details}",
    )
    st.caption(f"Unlearnscope {__version__}")


@st.cache_data(ttl=30, max_entries=4, show_spinner=False, refresh_mode="background")
def disk_use(root: str) -> dict[str, int]:
    """Bytes by folder of the home; walking it takes time, so it is looked up now and then."""
    return folder_sizes(Home(home().root))


@st.cache_data(ttl=600, max_entries=1, show_spinner=False, refresh_mode="background")
def device() -> str:
    """Where runs work, in words; asking the GPU driver takes time."""
    try:
        slots = find_slots()
    except BadInput as error:
        return f":red[{error}]"
    places = f"{len(slots)} run{'s' if len(slots) > 1 else ''} at a time"
    gpus = sorted({slot.gpu for slot in slots if slot.gpu is not None})
    if gpus:
        return f"GPU {', '.join(gpus)} · {places}"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return f"Apple GPU · {places}"
    return f"CPU, {slots[0].threads} thread{'s' if slots[0].threads > 1 else ''} · {places}"
