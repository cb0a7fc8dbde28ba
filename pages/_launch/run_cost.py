"""What runs will take, in words, with a button that times a few steps where nobody has."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cu_core.analysis.sweeps.cost import shared_estimate
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.estimate import known_speed
from cu_core.jobs import background
from cu_core.runstore.disk import floor_bytes, free_bytes
from pages._frame import gate
from pages._shared.number_words import duration, file_size
from pages._shared.plain_text import plain
from pages._shared.server_home import home

POLL_SECONDS = 1.0


def takes(specs: Sequence[RunSpec], key: str = "measure") -> None:
    """Says how many runs these are, and the most time and disk space they take; `key` is that of its button."""
    try:
        found = shared_estimate(specs, home())
    except UnlearnscopeError as error:
        st.caption(plain(error))
        return
    text = f"**{len(specs)} run{'s' if len(specs) > 1 else ''}** · at most {file_size(found.disk)}"
    free = free_bytes(home().runs) - floor_bytes()
    if found.disk > free:
        text += f" :red[(only {file_size(max(free, 0))} can be used)]"
    if found.seconds is not None:
        st.markdown(f"{text} · at most {duration(found.seconds)}, judged by {found.source}")
        return
    status = background.measure_status(specs[0], home())
    if status is not None and status.working:
        st.fragment(run_every=POLL_SECONDS)(_watch)(specs[0], text)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        problem = f" :red[({plain(status.error)})]" if status is not None and status.error else ""
        st.markdown(f"{text} · nothing like it ran here yet{problem}")
        if st.button("Time a few steps", key=key, icon=":material/timer:", type="tertiary"):
            try:
                for spec in _unknown(specs):
                    gate.desk().measure(spec)
            except UnlearnscopeError as error:
                st.error(plain(error), icon=":material/error:")
            else:
                st.rerun()


def _unknown(specs: Sequence[RunSpec]) -> list[RunSpec]:
    """One of each kind of runs whose speed nobody has measured."""
    kinds = {(s.data, s.model, s.train, s.device, s.precision): s for s in specs if known_speed(s, home()) is None}
    return list(kinds.values())


def _watch(spec: RunSpec, text: str) -> None:
    status = background.measure_status(spec, home())
    if status is None or not status.working:
        st.rerun()
    st.markdown(f"{text} · :material/timer: timing a few training steps …")
