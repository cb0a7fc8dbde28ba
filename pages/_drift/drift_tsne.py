"""The t-SNE of the outputs over a few rounds, as the gradient-penalty paper shows its models."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cu_core.analysis.tsne_picture import tsne_figure
from cu_core.figures.tsne_panes import drift_alt, tsne_words
from cu_core.runstore.reader import RunView, open_run
from pages._shared.chart_bar import show_chart
from pages._shared.hover_card import hover_card
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import class_names, probe_of, probe_sprite
from pages._shared.server_home import home

# Without the buttons that dragging and a double click replace, so that the bar leaves the legend readable.
WITHOUT = ("zoomIn2d", "zoomOut2d", "autoScale2d")


def tsne_outputs(view: RunView) -> None:
    """Draws the picture that the run recorded, with what it does not show."""
    manifest = view.tsne()
    assert manifest is not None
    rounds, seed = manifest["rounds"], manifest["reference_seed"]
    probe = probe_of(view)
    rows = np.asarray(view.tsne_array("rows"))
    beside = f" and the reference ({plain(view.reference_name(seed))})" if seed is not None else ""
    st.caption(
        f"{len(rows):,} of {len(probe):,} recorded samples in rounds {', '.join(map(str, rounds))}{beside}. One t-SNE "
        "of the logits holds all of these moments together, so that places can be compared between them. After figure "
        "7 of Wang and Chen, Machine Unlearning in Contrastive Learning."
    )
    classes = class_names(str(home().root), view.run_id)
    drawn = manifest["arrays"]["coordinates"]["sha256"]
    show_chart(
        _figure(str(home().root), view.run_id, drawn, classes),
        key="tsne",
        alt=drift_alt(probe.iloc[rows], rounds, seed is not None, "a t-SNE of the outputs"),
        without=WITHOUT,
    )
    hover_card("tsne", probe_sprite(str(home().root), view.run_id, tuple(rows.tolist())), key="tsne_card")
    names = [f"Round {number}" for number in rounds] + (["Reference"] if seed is not None else [])
    told = [
        f"{name}: trustworthiness {numbers['trustworthiness']:.3f}, continuity {numbers['continuity']:.3f}"
        for name, numbers in zip(names, manifest["fidelity"], strict=True)
        if numbers.get("trustworthiness") is not None and numbers.get("continuity") is not None
    ]
    st.caption(". ".join([*told, tsne_words(manifest["still_step"], manifest["self_neighbours"])]))


@st.cache_resource(max_entries=8, show_spinner=False)
def _figure(root: str, run_id: str, drawn: str, classes: tuple[str, ...]) -> go.Figure:
    """`drawn` is a hash of the coordinates."""
    return tsne_figure(open_run(home(), run_id), classes)
