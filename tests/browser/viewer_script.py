"""A page with nothing but the viewer of drift on made-up samples, for the browser tests and the benchmark.

The address says how large it is: `?samples=600&rounds=6`, and `&beside=4` adds rounds of a second run.
"""

from __future__ import annotations

import io
import json

import numpy as np
import streamlit as st
from PIL import Image

from pages._drift.drift_viewer import drift_viewer
from pages._shared.hover_card import Sprite
from tests.madeup_scene import made_up_scenes

COLUMNS = 50

scenes_of = st.cache_resource(made_up_scenes)


@st.cache_resource
def pictures(count: int) -> Sprite:
    """One tile per sample, in a shade of its own."""
    rows = -(-count // COLUMNS)
    shades = np.arange(rows * COLUMNS).reshape(rows, COLUMNS) % 256
    tiles = np.repeat(np.repeat(shades, 8, 0), 8, 1).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(tiles).save(file, "PNG")
    return Sprite(file.getvalue(), COLUMNS, tuple(f"cat/<b>{i}.png" for i in range(count)))


st.set_page_config(layout="wide")
count, most = (int(st.query_params.get(name, default)) for name, default in (("samples", 600), ("rounds", 6)))
beside = int(st.query_params.get("beside", 0))
memory = st.session_state
memory["runs"] = memory.get("runs", 0) + 1
memory.setdefault("live", most)
memory.setdefault("picked", [])
memory.setdefault("revision", 0)
with st.container(horizontal=True):
    view = st.segmented_control("View", ["boundary", "map", "space"], default=st.query_params.get("view", "boundary"))
    if st.button("One more round"):
        memory["live"] += 1
    if st.button("Select three"):
        memory["picked"], memory["revision"] = [10, 11, 12], memory["revision"] + 1
scenes, samples = scenes_of(count, memory["live"], beside)
state = drift_viewer(
    scenes[view or "boundary"],
    samples,
    key="viewer",
    run_id="run",
    selected=memory["picked"],
    revision=memory["revision"],
    shown=memory.get("round", most - 1),
    sprite=pictures(count),
    stamp=f"{count} {memory['live']} {beside} {view}",
)
memory["picked"] = state.selected
if state.round is not None:
    memory["round"] = state.round
told = {"runs": memory["runs"], "selected": state.selected, "round": state.round, "ruler": state.ruler}
st.code(json.dumps(told | {"moments": state.ruler_moments}), language=None)
