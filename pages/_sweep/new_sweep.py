"""A new sweep: the form, what it would queue, and the button."""

from __future__ import annotations

import dataclasses
import json
import uuid

import streamlit as st

from cu_core.analysis.sweeps.done import matching, missing
from cu_core.analysis.sweeps.sweep import Expanded, Sweep, expand, sweep_from_json
from cu_core.analysis.sweeps.sweep_store import remember
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.spec_parts import ForgetSpec
from pages._frame import gate
from pages._launch.run_cost import takes
from pages._launch.weight_verdict import verdict_outlook
from pages._shared.plain_text import plain
from pages._shared.server_home import home
from pages._sweep import sweep_form, sweep_matrix


@st.cache_data(max_entries=64, ttl=60, show_spinner=False)
def expanded_of(text: str) -> Expanded:
    """The runs of a sweep; some of what they need, like folders, may come and go."""
    return expand(sweep_from_json(json.loads(text)))


def expansion(sweep: Sweep) -> Expanded:
    """The runs of a sweep, expanded once a minute at most."""
    return expanded_of(json.dumps(sweep.to_json() | {"group": sweep.name}))


def queue(sweep: Sweep) -> None:
    """Queues what is missing of the form's sweep and shows it."""
    try:
        may_read(sweep)
        queued = sweep_matrix.queue_missing(expansion(sweep), st.session_state["sweep_token"])
        remember(sweep, home())
    except UnlearnscopeError as error:
        st.session_state["sweep_refused"] = str(error)
        return
    st.session_state["sweep_token"] = uuid.uuid4().hex
    st.query_params["group"] = sweep.name
    words = f"{queued} run{'' if queued == 1 else 's'} queued." if queued else "Nothing was missing."
    st.toast(words, icon=":material/rocket_launch:")


def may_read(sweep: Sweep) -> None:
    """Whether the visitor may name the files that a sweep names.

    Raises:
        BadInput: one lies elsewhere.
    """
    for select in sweep.forget or (sweep.base.forget.select,):
        gate.desk().check(dataclasses.replace(sweep.base, forget=ForgetSpec(select)))


def new_sweep() -> None:
    """The form, what it would queue, and the button."""
    verdict = gate.allowed("launch")
    if not verdict:
        st.caption(f":material/lock: {plain(verdict.reason)}")
        return
    started = sweep_form.start_from()
    try:
        sweep = sweep_form.lists(started)
        may_read(sweep)
        expanded = expansion(sweep)
    except BadInput as error:
        st.markdown(f":red[:material/error: {plain(error)}]")
        return
    todo = missing(expanded.runs, matching(expanded.runs, home()))
    done = len(expanded.runs) - len(todo)
    if not expanded.runs:
        st.warning("None of these combinations can run.", icon=":material/block:")
    elif todo:
        takes(todo)
        verdict_outlook(todo)
    if done:
        st.caption(f"{done} of {len(expanded.runs)} runs are done or on their way and are not queued again.")
    st.button(
        f"Queue {len(todo)} run{'' if len(todo) == 1 else 's'}" if todo or not done else "Show it",
        key="queue_sweep",
        type="primary",
        icon=":material/rocket_launch:",
        disabled=not expanded.runs,
        on_click=queue,
        args=(sweep,),
    )
    if refused := st.session_state.pop("sweep_refused", None):
        st.error(plain(refused), icon=":material/error:")
    sweep_matrix.left_out_section(expanded.left_out)
