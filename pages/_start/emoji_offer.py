"""The offer to forget single emoji: pictures that everybody knows, and a network that knew each of them by heart."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import numpy as np
import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.presets import Preset, preset
from cu_core.data.images import ImageData
from cu_core.data.thumbnails import sprite
from cu_core.jobs import background, dispatcher
from cu_core.runstore.reader import RunRow
from pages._frame import gate
from pages._launch.forget_preview import prepared
from pages._shared.emoji_by_hand import by_hand
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home

PRESET = "emoji-random"
POLL_SECONDS = 0.7
PICTURES = 24
COLUMNS = 12
TILE = 32
WANTED = "emoji_wanted"
"""Whether this visitor waits for the pictures in order to launch the run."""


def is_offered(rows: Sequence[RunRow]) -> bool:
    """Whether no such run is at work or done yet."""
    wanted = preset(PRESET).spec
    return not any(
        (row.dataset, row.forget) == (wanted.data.dataset, wanted.forget.select)
        and (row.state in ACTIVE or row.state == "succeeded")
        for row in rows
    )


def emoji_offer(rows: Sequence[RunRow]) -> None:
    """Draws the offer: one button that fetches the pictures where they are not here yet, and launches the run.

    Args:
        rows: all runs.
    """
    if run_id := st.session_state.pop("emoji_launched", None):
        st.session_state.pop("emoji_token", None)
        st.switch_page("run.py", query_params={"run": run_id})
    if not is_offered(rows):
        return
    chosen = preset(PRESET)
    data = prepared(chosen.spec.data)
    status = None if data else background.prepare_status(chosen.spec.data, home())
    with st.container(border=True, key="emoji_offer"):
        with st.container(horizontal=True, vertical_alignment="center"):
            if data is not None:
                st.image(_some(data), alt="Some of the emoji that the network learns", width=COLUMNS * TILE)
            with st.container(width="stretch", gap=None):
                st.markdown(f"**{chosen.title}**")
                st.caption(chosen.summary)
        if status is None or not status.working:
            with st.container(horizontal=True, vertical_alignment="center"):
                _button(chosen, is_here=data is not None)
                if data is None:
                    by_hand()
                    st.caption(plain(dataset(chosen.spec.data.dataset).licence))
        if status is not None and status.working:
            st.fragment(run_every=POLL_SECONDS)(_watch)(chosen)
        elif data is not None and st.session_state.pop(WANTED, False):
            _launch(chosen)
            st.rerun()
        elif status is not None and status.error:
            st.warning(plain(status.error), title="The pictures could not be fetched", icon=":material/cloud_off:")


def _button(chosen: Preset, *, is_here: bool) -> None:
    """Launches the run, or fetches the pictures first."""
    gate.button(
        "Launch it" if is_here else "Fetch the pictures and launch it",
        "launch",
        key="emoji_go",
        type="primary",
        icon=":material/rocket_launch:" if is_here else ":material/download:",
        on_click=_launch if is_here else _fetch,
        args=(chosen,),
    )


def _some(data: ImageData) -> bytes:
    """Pictures from all over the training set as one PNG."""
    places = np.linspace(0, len(data.train_labels) - 1, PICTURES).astype(int)
    return sprite(np.asarray(data.train_images[places]), TILE, COLUMNS, clear=True)


def _launch(chosen: Preset) -> None:
    """Queues the run."""
    token = st.session_state.setdefault("emoji_token", uuid.uuid4().hex)
    try:
        st.session_state["emoji_launched"] = gate.desk().launch(chosen.spec, token=token)
        dispatcher.ensure_dispatcher(home())
    except UnlearnscopeError as error:
        st.toast(plain(error), icon=":material/error:", duration="long")


def _fetch(chosen: Preset) -> None:
    """Has the pictures fetched, in a process of its own."""
    try:
        gate.desk().prepare(chosen.spec.data, "")
        st.session_state[WANTED] = True
    except UnlearnscopeError as error:
        st.toast(plain(error), icon=":material/error:", duration="long")


def _watch(chosen: Preset) -> None:
    """Follows the fetching; draws the whole page again when it has ended."""
    status = background.prepare_status(chosen.spec.data, home())
    if status is None or not status.working:
        st.rerun()
    share = status.done / status.total if status.total else 0.0
    st.progress(min(share, 1.0), text=f"{dataset(chosen.spec.data.dataset).title}: {plain(status.message)}")
