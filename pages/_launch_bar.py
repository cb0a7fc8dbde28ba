"""The bar at the bottom of the launch form: what will run, what it takes, and the button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from cu_core import background
from cu_core.compat import check
from cu_core.errors import BadInput, UnlearnscopeError
from cu_core.estimate import Estimate, estimate
from cu_core.runs.disk import floor_bytes, free_bytes
from cu_core.spec import RunSpec
from pages import _draft, _grid
from pages._common import duration, file_size, home

POLL_SECONDS = 1.0
# Beyond this many runs only the first ones are estimated, and the rest in proportion.
MOST_ESTIMATED = 50


def bar(specs: list[RunSpec], errors: dict[str, str], launch: Callable[[str], None]) -> None:
    """Draws the bar.

    Args:
        specs: the runs that would be launched.
        errors: messages by field.
        launch: callback of the button, takes the form's token.
    """
    token = st.session_state["token"]
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if errors:
            name, message = next(iter(errors.items()))
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            place = f"{_draft.title_of(name)}: " if name else ""
            st.markdown(f":red[:material/error: {place}{message}{more}]", width="stretch")
        else:
            with st.container(width="stretch"):
                _takes(specs)
        count = f"Launch {len(specs)} runs" if len(specs) > 1 else "Launch"
        st.button(
            count,
            key=f"launch_{token}",
            type="primary",
            icon=":material/rocket_launch:",
            disabled=bool(errors),
            on_click=launch,
            args=(token,),
        )


def runs_of(values: dict[str, Any], errors: dict[str, str]) -> list[RunSpec]:
    """The runs that the form asks for; none while something is wrong.

    Args:
        values: what the form says.
        errors: messages by field; gets those that only the whole shows.
    """
    if errors:
        return []
    try:
        specs = _grid.expand(_draft.spec_of(values))
        for spec in specs:
            check(spec)
        return specs
    except BadInput as error:
        name, message = _draft.in_words(error)
        errors[name] = message
        return []


def _takes(specs: list[RunSpec]) -> None:
    try:
        found = [estimate(spec, home()) for spec in specs[:MOST_ESTIMATED]]
    except UnlearnscopeError as error:
        st.caption(str(error))
        return
    scale = len(specs) / len(found)
    disk = scale * sum(e.disk for e in found)
    text = f"**{len(specs)} run{'s' if len(specs) > 1 else ''}** · at most {file_size(disk)}"
    free = free_bytes(home().runs) - floor_bytes()
    if disk > free:
        text += f" :red[(only {file_size(max(free, 0))} can be used)]"
    if all(e.seconds is not None for e in found):
        seconds = scale * sum(e.seconds or 0.0 for e in found)
        st.markdown(f"{text} · at most {duration(seconds)}, judged by {_sources(found)}")
        return
    status = background.measure_status(specs[0], home())
    if status is not None and status.working:
        st.fragment(run_every=POLL_SECONDS)(_watch)(specs[0], text)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        problem = f" :red[({status.error})]" if status is not None and status.error else ""
        st.markdown(f"{text} · nothing like it ran here yet{problem}")
        if st.button("Time a few steps", key="measure", icon=":material/timer:", type="tertiary"):
            for spec in specs[:MOST_ESTIMATED]:
                background.start_measure(spec, home())
            st.rerun()


def _watch(spec: RunSpec, text: str) -> None:
    status = background.measure_status(spec, home())
    if status is None or not status.working:
        st.rerun()
    st.markdown(f"{text} · :material/timer: timing a few training steps …")


def _sources(found: list[Estimate]) -> str:
    return " and ".join(sorted({e.source for e in found}))
