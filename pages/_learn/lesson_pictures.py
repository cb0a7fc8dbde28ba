"""Some of the pictures that a network is to forget; where they are not on this machine, how to get them."""

from __future__ import annotations

import streamlit as st

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.thumbnails import framed, sprite
from cu_core.jobs import background
from cu_core.runstore.reader import RunView
from pages._frame import gate
from pages._frame.notices import say
from pages._shared.emoji_by_hand import by_hand
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import probe_images, probe_of
from pages._shared.server_home import home

MOST_IMAGES = 24
TILE = 48
"""Side of a picture in px."""
PER_ROW = 12
POLL_SECONDS = 1.0


def forgotten_pictures(view: RunView, key: str) -> None:
    """Draws them, or says that they are missing and offers to get them.

    Args:
        view: the run.
        key: of the part's widgets.
    """
    probe = probe_of(view)
    chosen = probe[probe["group"] == "forget"].head(MOST_IMAGES)
    images = probe_images(view, chosen) if len(chosen) else None
    if images is None:
        _missing(view.spec.data, key)
        return
    columns = min(PER_ROW, len(images))
    sheet = sprite(framed(images), TILE, columns, clear=True)
    st.image(sheet, width=columns * TILE, alt="Some of the pictures that are to be forgotten")
    st.caption(f"{len(images)} of the pictures that are to be forgotten")


def _missing(spec: DataSpec, key: str) -> None:
    try:
        record = dataset(spec.dataset)
    except BadInput:
        return
    status = None if record.needs_path else background.prepare_status(spec, home())
    with st.container(border=True, key=f"{key}_missing"):
        st.markdown(
            f":material/image_not_supported: The pictures themselves ({plain(record.title)}) are not on this machine. "
            "Numbers and charts of this step were recorded and are here, so it can be done without them."
        )
        if record.needs_path:
            return
        if status is not None and status.working:
            st.fragment(run_every=POLL_SECONDS)(_watch)(spec)
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            verb, icon = ("Fetch", "download") if record.download else ("Make", "image")
            gate.button(
                f"{verb} the pictures", "prepare", key=f"{key}_fetch", icon=f":material/{icon}:", on_click=_fetch,
                args=(spec,),
            )  # fmt: skip
            if record.id == "emoji":
                by_hand()
        if status is not None and status.error:
            st.warning(plain(status.error), title="The pictures could not be fetched", icon=":material/cloud_off:")


def _fetch(spec: DataSpec) -> None:
    """Callback: has them prepared in a process of its own."""
    try:
        gate.desk().prepare(spec)
    except UnlearnscopeError as error:
        say(error)


def _watch(spec: DataSpec) -> None:
    """Follows that; draws the whole page again when it has ended."""
    gate.check_again()
    status = background.prepare_status(spec, home())
    if status is None or not status.working:
        st.rerun()
    share = status.done / status.total if status.total else 0.0
    st.progress(min(share, 1.0), text=plain(status.message))
