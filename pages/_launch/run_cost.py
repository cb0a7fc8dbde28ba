"""What runs will take, in words, with a button that times a few steps where nobody has."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cu_core.analysis.sweeps.cost import shared_estimate
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.estimate import known_speed
from cu_core.jobs import background
from cu_core.jobs.slots import busy_share
from cu_core.runstore.disk import floor_bytes, free_bytes
from pages._frame import gate
from pages._shared.number_words import file_size, roughly
from pages._shared.plain_text import plain
from pages._shared.server_home import home

POLL_SECONDS = 1.0
BUSY = 0.5
"""Share of the cores that other work may take before it is worth a word."""


def takes(specs: Sequence[RunSpec], sentence: str = "", key: str = "measure") -> None:
    """Says what is started, how long it will take and how much disk space at most.

    Args:
        specs: the runs.
        sentence: what they are; how many by default.
        key: of the button that times a few steps.
    """
    try:
        found = shared_estimate(specs, home())
    except UnlearnscopeError as error:
        st.caption(plain(error))
        return
    what = plain(sentence) or f"{len(specs)} run{'s' if len(specs) > 1 else ''}"
    space = f"at most {file_size(found.disk)} of disk"
    free = free_bytes(home().runs) - floor_bytes()
    if found.disk > free:
        space += f" :red[(only {file_size(max(free, 0))} can be used)]"
    if found.expected is not None:
        st.markdown(f"**{what}; about {roughly(found.expected)}**")
        slowed = slowed_words()
        st.caption(f"Judged by {found.source}{'' if slowed else ', on an idle machine'} · {space}{slowed}")
        return
    st.markdown(f"**{what}**")
    status = background.measure_status(specs[0], home())
    if status is not None and status.working:
        st.fragment(run_every=POLL_SECONDS)(_watch)(specs[0], space)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        problem = f" :red[({plain(status.error)})]" if status is not None and status.error else ""
        st.caption(f"{space[:1].upper()}{space[1:]} · nothing like it ran here yet{problem}")
        if st.button("Time a few steps", key=key, icon=":material/timer:", type="tertiary"):
            try:
                for spec in _unknown(specs):
                    gate.desk().measure(spec)
            except UnlearnscopeError as error:
                st.error(plain(error), icon=":material/error:")
            else:
                st.rerun()


def slowed_words() -> str:
    """That other work slows runs now, and how much; empty on an idle machine."""
    busy = busy_share()
    if busy < BUSY:
        return ""
    return f" · other work keeps the cores of this machine busy: now it may take {1 + busy:.1f} times as long"


def _unknown(specs: Sequence[RunSpec]) -> list[RunSpec]:
    """One of each kind of runs whose speed nobody has measured."""
    kinds = {(s.data, s.model, s.train, s.device, s.precision): s for s in specs if known_speed(s, home()) is None}
    return list(kinds.values())


def _watch(spec: RunSpec, space: str) -> None:
    status = background.measure_status(spec, home())
    if status is None or not status.working:
        st.rerun()
    st.caption(f"{space[:1].upper()}{space[1:]} · :material/timer: timing a few training steps …")
