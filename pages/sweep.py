"""Sweeps: methods × hyper-parameters × forget sets × seeds as ordinary runs, with partial results as they come."""

from __future__ import annotations

import dataclasses
import json
import uuid

import streamlit as st

from cu_core.analysis.sweeps.done import matching, missing
from cu_core.analysis.sweeps.sweep import Expanded, Sweep, expand, sweep_from_json
from cu_core.analysis.sweeps.sweep_store import recall, remember, stored_groups
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.spec import ForgetSpec
from pages import _gate, _sweep_form, _sweep_matrix
from pages._common import home
from pages._cost import takes
from pages._text import plain

REFRESH_SECONDS = 3.0
HOME = home()


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
        queued = _sweep_matrix.queue_missing(expansion(sweep), st.session_state["sweep_token"])
        remember(sweep, HOME)
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
        _gate.desk().check(dataclasses.replace(sweep.base, forget=ForgetSpec(select)))


def new_sweep() -> None:
    """The form, what it would queue, and the button."""
    verdict = _gate.allowed("launch")
    if not verdict:
        st.caption(f":material/lock: {plain(verdict.reason)}")
        return
    started = _sweep_form.start_from()
    try:
        sweep = _sweep_form.lists(started)
        may_read(sweep)
        expanded = expansion(sweep)
    except BadInput as error:
        st.markdown(f":red[:material/error: {plain(error)}]")
        return
    todo = missing(expanded.runs, matching(expanded.runs, HOME))
    done = len(expanded.runs) - len(todo)
    if not expanded.runs:
        st.warning("None of these combinations can run.", icon=":material/block:")
    elif todo:
        takes(todo)
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
    _sweep_matrix.left_out_section(expanded.left_out)


def matrix(sweep: Sweep, expanded: Expanded, was_live: bool) -> None:
    """The matrix; the last run's end draws the page once more, and from then on it rests."""
    if was_live and not _sweep_matrix.live(expanded):
        st.rerun()
    _sweep_matrix.show(sweep, expanded)


def open_group() -> None:
    """Puts the picked sweep into the address."""
    if picked := st.session_state.get("sweep_group"):
        st.query_params["group"] = picked
    else:
        st.query_params.pop("group", None)


st.session_state.setdefault("sweep_token", uuid.uuid4().hex)
st.title("Sweep", anchor=False)
st.caption(
    "Every method starts from its own recipe; base models and references are trained once and shared. Runs that have "
    "been made are not made again."
)
group = st.query_params.get("group")
stored = stored_groups(HOME)
shown = recall(HOME, group) if group else None
if group and shown is None:
    st.warning(f"No sweep named {plain(repr(group))} was queued here.", icon=":material/link_off:")
if stored:
    st.session_state["sweep_group"] = group if group in stored else None
    st.selectbox(
        "Sweep shown below", stored, key="sweep_group", on_change=open_group, placeholder="Open an earlier sweep"
    )
box = st.expander("New sweep", icon=":material/add:", expanded=shown is None)
with box:
    new_sweep()
if shown is not None:
    st.subheader(plain(shown.name), anchor=False)
    try:
        its_runs = expansion(shown)
    except BadInput as error:
        st.error(plain(error), icon=":material/error:")
        st.stop()
    is_live = _sweep_matrix.live(its_runs)
    st.fragment(run_every=REFRESH_SECONDS if is_live else None)(matrix)(shown, its_runs, is_live)
