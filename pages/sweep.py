"""Sweeps: methods × hyper-parameters × forget sets × seeds as ordinary runs, with partial results as they come."""

from __future__ import annotations

import uuid

import streamlit as st

from cu_core.analysis.sweeps.sweep import Expanded, Sweep
from cu_core.analysis.sweeps.sweep_store import recall, stored_groups
from cu_core.base.errors import BadInput
from pages._frame.page_records import Page
from pages._shared.plain_text import plain
from pages._shared.server_home import home
from pages._sweep import sweep_matrix, tune_section
from pages._sweep.new_sweep import expansion, new_sweep

PAGE = Page(
    id="sweep",
    title="Sweep",
    icon=":material/grid_on:",
    help="Methods × hyper-parameters × forget sets × seeds as ordinary runs, with results as they come.",
    purpose="many methods on the same base: choose methods, forget sets and seeds, see results as they come",
    section="Experiments",
    order=3,
)
REFRESH_SECONDS = 3.0


def matrix(sweep: Sweep, expanded: Expanded, was_live: bool) -> None:
    """The matrix; the last run's end draws the page once more, and from then on it rests."""
    if was_live and not sweep_matrix.live(expanded):
        st.rerun()
    sweep_matrix.show(sweep, expanded)


def open_group() -> None:
    """Puts the picked sweep into the address."""
    if picked := st.session_state.get("sweep_group"):
        st.query_params["group"] = picked
    else:
        st.query_params.pop("group", None)


st.session_state.setdefault("sweep_token", uuid.uuid4().hex)
st.title(PAGE.title, anchor=False)
st.caption(
    "Every method starts from its own recipe; base models and references are trained once and shared. Runs that have "
    "been made are not made again."
)
group = st.query_params.get("group")
stored = stored_groups(home())
shown = recall(home(), group) if group else None
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
tune_section.section(REFRESH_SECONDS)
if shown is not None:
    st.header(plain(shown.name), anchor=False)
    try:
        its_runs = expansion(shown)
    except BadInput as error:
        st.error(plain(error), icon=":material/error:")
        st.stop()
    is_live = sweep_matrix.live(its_runs)
    st.fragment(run_every=REFRESH_SECONDS if is_live else None)(matrix)(shown, its_runs, is_live)
