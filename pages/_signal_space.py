"""The scatter of signals as a component of its own: shared camera, scrubber, selection and cards in the browser.

Plotly redraws fifteen thousand points in three panes in seconds (`benchmarks/scatter_frames.py`), and its selections
end at the pane. Here every pane and both spaces draw the same samples from one state, so turning one turns all, and
what is selected in one is selected everywhere, without asking the server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

_PARTS = Path(__file__).parent / "_space"
_SCRIPTS = ("geometry.js", "paint.js", "axes.js", "chart.js", "main.js")


def _read(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


_BOARD = st.components.v2.component(
    "unlearnscope_signal_space",
    html=_read("frame.html"),
    css=_read("style.css"),
    # One module: the parts share their names.
    js="\n".join(map(_read, _SCRIPTS)),
)


def signal_board(data: dict[str, Any], *, key: str) -> list[int]:
    """Draws the scatter and returns the rows of the probe that are selected in it.

    Args:
        data: ``stamp`` (changes with the content), ``flat``, ``log``, ``shown`` and ``reference`` (places among
            ``moments``; the latter or None), ``moments`` (titles), ``spaces`` (see
            `cu_core.figures.signal_space.pack_space`), ``groups``, packed ``rows``, ``sample``, ``test``, ``label``,
            ``truth``, ``predicted`` per moment, ``classes``, ``selected`` rows, ``png`` and ``columns`` of the
            sprite, ``alt`` and ``reference_colour``.
        key: of this component.
    """
    result = _BOARD(data=data, key=key, default={"selected": data["selected"]}, on_selected_change=lambda: None)
    return [int(row) for row in result["selected"] or []]
