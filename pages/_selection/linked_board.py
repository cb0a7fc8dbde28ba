"""Pictures and curves of the selected samples, drawn in the browser: they follow the viewer without the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from cu_core.figures.scene import read_header
from pages._shared.browser_messages import carry
from pages._shared.browser_parts import browser_parts

_SCRIPTS = (
    "webgl/geometry.js",
    "webgl/axes.js",
    "webgl/picking.js",
    "viewer/messages.js",
    "linked/signals.js",
    "linked/curves.js",
    "linked/pictures.js",
    "linked/linked.js",
)

PARTS = browser_parts("linked", *_SCRIPTS)
"""What the component is made of."""

_LINKED = st.components.v2.component("unlearnscope_linked", **PARTS)

CURVES_AHEAD = 233
PICTURES_AHEAD = 138
"""Heights in px that are kept free until the script is there, which then takes what it needs: panels in a row."""


def linked_board(
    message: bytes,
    *,
    key: str,
    run_id: str,
    carried: Mapping[str, str],
    selected: list[int],
    revision: int,
    on_pick: Callable[[list[int], int], object],
) -> None:
    """Draws the board.

    Args:
        message: of `cu_core.figures.linked_signals.pack_signals`.
        key: of this component.
        run_id: of the run; components about the same run tell each other what is selected.
        carried: stamps of the messages ``samples`` and ``sprite`` that the viewer reads, for the pictures.
        selected: rows of the probe that are selected.
        revision: changes when the selection was made by Python's widgets or on another page.
        on_pick: called with the rows that were selected here and the revision that was drawn then.
    """
    instance = f"{key} {run_id}"

    def tell() -> None:
        told = st.session_state[instance]["picked"]
        on_pick([int(row) for row in told["rows"]], int(told["revision"]))

    with st.container(gap=None):
        stamps = carry({"signals": message}, key=instance)
        _LINKED(
            key=instance,
            data={
                "run": run_id,
                "messages": {**stamps, **{name: carried[name] for name in ("samples", "sprite") if name in carried}},
                "ahead": {"signals": len(read_header(message)["signals"]), "pictures": "sprite" in carried},
                "selected": selected,
                "revision": revision,
            },
            default={"picked": None},
            height=CURVES_AHEAD + (PICTURES_AHEAD if "sprite" in carried else 0),
            on_picked_change=tell,
        )
