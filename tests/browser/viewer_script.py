"""A page with nothing but the viewer of drift on made-up samples, for the browser tests and the benchmark.

Forget samples (group 0) walk from their class to another one; retain samples stay exactly where they are, so that a
test can look at the same pixel in every round. The address says how large it is: `?samples=600&rounds=6`.
"""

from __future__ import annotations

import io
import json

import numpy as np
import streamlit as st
from PIL import Image

from cu_core.figures.scene import Axis, Moment, Samples, Scene
from pages._drift_viewer import drift_viewer
from pages._hover import Sprite

CLASSES = ("cat", "dog", "ship", "truck")
COLUMNS = 50


def moments_of(rounds: int) -> tuple[Moment, ...]:
    return (
        *(Moment(f"Round {k}" if k else "Before (round 0)", k) for k in range(rounds)),
        Moment("Reference (retrained)", None, "reference"),
    )


@st.cache_resource
def made_up(count: int, rounds: int) -> tuple[dict[str, Scene], Samples]:
    """Three views of the same samples, and who they are."""
    rng = np.random.default_rng(0)
    moments = moments_of(rounds)
    group = np.repeat([0, 1, 2], [count // 5, count - 2 * (count // 5), count // 5])
    label = np.where(group == 0, 0, rng.integers(0, 4, count))
    angles = label * np.pi / 2
    start = 3 * np.column_stack([np.cos(angles), np.sin(angles), np.sin(2 * angles + 1)])
    start = start + 0.6 * rng.normal(size=(count, 3))
    goal = start + np.array([-4.0, 3.0, 1.0])
    shares = [*np.linspace(0, 1, rounds), 1.0]
    clouds = [
        np.where((group == 0)[:, None], start + share * (goal - start), start).astype(np.float32) for share in shares
    ]
    margin = np.abs(rng.normal(5, 1.5, count))
    exact = []
    for share in shares:
        far = np.where(group == 0, margin - 12 * share, margin)
        cosine = np.where(group == 0, 1 - 0.8 * share * rng.beta(5, 2, count), 1.0)
        exact.append(np.column_stack([far, cosine]).astype(np.float32))
    stray = [(group == 0) & (share > 0.6) & (np.arange(count) % 7 == 0) for share in shares]
    ends = [(float(min(c[:, k].min() for c in clouds)), float(max(c[:, k].max() for c in clouds))) for k in range(3)]
    maps = tuple(Axis(f"Map axis {k + 1} (no unit)", f"Map {k + 1}", *ends[k]) for k in range(3))
    lines = (
        Axis("Signed distance to the decision boundary", "Distance", -10.0, 12.0, 0.0, "decision boundary"),
        Axis("Cosine to the own embedding of round 0", "Cosine", -0.1, 1.0),
    )
    scenes = {
        "boundary": Scene("boundary", lines, moments, exact),
        "map": Scene("map", maps[:2], moments, [cloud[:, :2] for cloud in clouds], equal=True, stray=stray),
        "space": Scene("space", maps, moments, clouds, equal=True, stray=stray),
    }
    predictions = [np.where((group == 0) & (share > 0.4), 1, label) for share in shares]
    top3 = np.tile([0.9, 0.07, 0.03], (count, 1))
    samples = Samples(
        row=np.arange(count) + 10,
        sample=np.arange(count) * 3,
        test=group == 2,
        group=group,
        label=label,
        truth=label,
        classes=CLASSES,
        moments=moments,
        prediction=predictions,
        top3_class=[np.column_stack([p, (p + 1) % 4, (p + 2) % 4]) for p in predictions],
        top3=[top3 for _ in shares],
        loss=[np.where(group == 0, 0.1 + 4 * share, 0.1) for share in shares],
        cosine=[view[:, 1] for view in exact],
        boundary=[view[:, 0] for view in exact],
    )
    return scenes, samples


@st.cache_resource
def pictures(count: int) -> Sprite:
    """One tile per sample, in a shade of its own."""
    rows = -(-count // COLUMNS)
    shades = np.arange(rows * COLUMNS).reshape(rows, COLUMNS) % 256
    tiles = np.repeat(np.repeat(shades, 8, 0), 8, 1).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(tiles).save(file, "PNG")
    return Sprite(file.getvalue(), COLUMNS)


st.set_page_config(layout="wide")
count, most = (int(st.query_params.get(name, default)) for name, default in (("samples", 600), ("rounds", 6)))
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
scenes, samples = made_up(count, memory["live"])
state = drift_viewer(
    scenes[view or "boundary"],
    samples,
    key="viewer",
    run_id="run",
    selected=memory["picked"],
    revision=memory["revision"],
    shown=memory.get("round", most - 1),
    sprite=pictures(count),
    stamp=f"{count} {memory['live']} {view}",
)
memory["picked"] = state.selected
if state.round is not None:
    memory["round"] = state.round
told = {"runs": memory["runs"], "selected": state.selected, "round": state.round, "ruler": state.ruler}
st.code(json.dumps(told | {"moments": state.ruler_moments}), language=None)
