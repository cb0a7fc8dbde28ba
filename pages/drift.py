"""How the samples of one run move in the embedding: a map over all rounds, and the true distances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cu_core.errors import BadInput
from cu_core.figures.drift import choose_points, drift_alt, drift_map
from cu_core.figures.drift_table import (
    ARRAYS,
    drift_lines,
    drift_lines_alt,
    drift_table,
    quartiles,
    wide_table,
)
from cu_core.figures.fidelity import Fidelity, residual_words, tsne_words, worst
from cu_core.figures.theme import GROUPS, TITLES
from cu_core.runs.reader import RunView, open_run
from pages._charts import bar
from pages._common import home, probe_of
from pages._hover import hover_card
from pages._one_run import live_line, show_run
from pages._recorded import (
    Stamp,
    class_names,
    pick_reference,
    probe_sprite,
    reference_stamp,
    signal_of,
    snapshot_of,
    stamp,
)

HOME = home()
ROOT = str(HOME.root)
# Without the buttons that dragging and a double click replace, so that the bar leaves the legend readable.
MAP_WITHOUT = ("zoomIn2d", "zoomOut2d", "autoScale2d")
LEVELS = {"good": ("green", "neighbours hold"), "fair": ("orange", "read with care"), "poor": ("red", "unreliable")}
PROJECTIONS = {"pca": "Principal axes of round 0", "tsne": "t-SNE of the outputs"}
TSNE_AXES = ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)")
HELP = (
    "Trustworthiness: are samples that are drawn as neighbours true neighbours? Continuity: are true neighbours drawn "
    "near each other? 1 is perfect for both. Variance: share of the spread of the round-0 embeddings that the two axes "
    "hold."
)


@st.cache_resource(max_entries=8, show_spinner=False)
def map_figure(
    root: str, run_id: str, rounds: Stamp, reference: Stamp, shown: int, classes: tuple[str, ...]
) -> go.Figure:
    """The map of a run; rebuilt only when what it shows has changed."""
    view = open_run(HOME, run_id)
    probe = view.probe()
    points = choose_points(probe["group"].to_numpy())
    return drift_map(
        probe.iloc[points].reset_index(drop=True),
        {number: snapshot_of(view, number).take(points) for number, _ in rounds},
        snapshot_of(view, None, reference[0][0]).take(points) if reference else None,
        classes,
        shown=shown,
    )


@st.cache_data(max_entries=16, show_spinner=False)
def displacement_bands(root: str, run_id: str, rounds: Stamp) -> pd.DataFrame:
    """Quartiles of each group's displacement per round."""
    view = open_run(HOME, run_id)
    groups = view.probe()["group"].to_numpy()
    rows = []
    for number, _ in rounds:
        arrays = {measure: signal_of(view, name, number) for measure, name in ARRAYS.items()}
        rows += quartiles(groups, {k: a for k, a in arrays.items() if a is not None}, number)
    return pd.DataFrame(rows)


@st.cache_resource(max_entries=8, show_spinner=False)
def tsne_figure(root: str, run_id: str, drawn: str, shown: int, classes: tuple[str, ...]) -> go.Figure:
    """The t-SNE of a run; `drawn` is a hash of its coordinates."""
    view = open_run(HOME, run_id)
    manifest = tsne_of(view)
    rows = np.asarray(view.tsne_array("rows"))
    places = np.asarray(view.tsne_array("coordinates"))
    fidelity = manifest["fidelity"]
    numbers = [*manifest["rounds"], *([None] if manifest["reference_seed"] is not None else [])]
    moments = [
        replace(
            snapshot_of(view, number, manifest["reference_seed"]).take(rows),
            coordinates=places[k],
            fidelity=fidelity[k],
        )
        for k, number in enumerate(numbers)
    ]
    return drift_map(
        view.probe().iloc[rows].reset_index(drop=True),
        {number: moment for number, moment in zip(numbers, moments, strict=True) if number is not None},
        moments[-1] if numbers[-1] is None else None,
        classes,
        shown=shown,
        axes=TSNE_AXES,
    )


def tsne_of(view: RunView) -> dict[str, Any]:
    """The manifest of the t-SNE of a run that has one."""
    manifest = view.tsne()
    if manifest is None:
        raise BadInput("projection", "was not recorded")
    return manifest


def wanted_round(rounds: list[int]) -> int:
    """The round that the address asks for, else the last."""
    asked = st.query_params.get("round", "")
    return int(asked) if asked.isdecimal() and int(asked) in rounds else rounds[-1]


def number_text(value: float | None, form: str = ".3f") -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else format(value, form)


def fidelity_card(item: Fidelity, heading: str) -> None:
    """The numbers of one picture, and what they allow to conclude."""
    with st.container(border=True, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{heading}**", width="content")
            if item.level in LEVELS:
                color, word = LEVELS[item.level]
                st.badge(word, color=color)
        lines = [
            f"Trustworthiness **{number_text(item.trustworthiness)}**",
            f"Continuity **{number_text(item.continuity)}**",
        ]
        if item.explained_variance is not None:
            lines.append(f"Variance on the two axes **{number_text(item.explained_variance, '.0%')}**")
        st.markdown("  \n".join(lines), help=HELP)
        st.caption(item.words())


def fidelity_strip(view: RunView, rounds: list[int], shown: int, seed: int | None) -> None:
    """How far the pictures can be trusted: the round shown first, the worst one, the reference."""
    st.subheader("How far to trust this picture", anchor=False)
    items = {number: Fidelity.of(f"round {number}", view.manifest(number)) for number in rounds}
    lowest = worst(list(items.values()))
    cards = [(items[shown], f"Round {shown}")]
    if lowest is not None and lowest is not items[shown]:
        cards.append((lowest, f"Worst: {lowest.name}"))
    residual = None
    if seed is not None:
        manifest = view.reference_manifest(seed)
        residual = manifest["fidelity"].get("procrustes_residual")
        cards.append((Fidelity.of("reference", manifest), "Reference"))
    for column, (item, heading) in zip(st.columns(len(cards)), cards, strict=True):
        with column:
            fidelity_card(item, heading)
    shown_item = items[shown]
    used = f" of {shown_item.samples:,} samples" if shown_item.samples else ""
    st.caption(
        f"Trustworthiness and continuity compare the {shown_item.neighbours} nearest neighbours{used} in the picture "
        "with those in the full space; the pane titles carry them for every round."
    )
    if residual is not None:
        st.info(residual_words(residual), icon=":material/info:")


def picture(view: RunView, rounds: list[int], seed: int | None) -> int:
    """The map with its scrubber and the hover card; returns the round that it shows first."""
    shown = wanted_round(rounds)
    probe = probe_of(view, view.run_id)
    figure = map_figure(
        ROOT, view.run_id, stamp(view, rounds), reference_stamp(view, seed), shown, class_names(ROOT, view.run_id)
    )
    points = len(choose_points(probe["group"].to_numpy()))
    some = f"Showing {points:,} of {len(probe):,} recorded samples. " if points < len(probe) else ""
    st.caption(
        f"{some}One mark per sample, the same samples in every pane: :orange[✕] forget, :blue[●] retain, "
        ":green[◆] unseen; hollow before, filled after. The axes are fitted once, on round 0, and stay the same for "
        "all rounds. Click a legend entry to hide a group; point at a mark to see its image."
    )
    st.plotly_chart(figure, key="drift_map", alt=drift_alt(probe, rounds, seed is not None), config=bar(MAP_WITHOUT))
    images = probe_sprite(ROOT, view.run_id)
    hover_card("drift_map", images, key="drift_card")
    if images is None:
        st.caption(
            "The images themselves are not on this machine, so pointing at a mark shows text only. They appear once "
            "a run has prepared this dataset here."
        )
    return shown


def tsne_picture(view: RunView, manifest: dict[str, Any]) -> None:
    """The t-SNE with its scrubber, the hover card and what it does not show."""
    rounds = manifest["rounds"]
    probe = probe_of(view, view.run_id)
    rows = np.asarray(view.tsne_array("rows"))
    seed = manifest["reference_seed"]
    drawn = manifest["arrays"]["coordinates"]["sha256"]
    figure = tsne_figure(ROOT, view.run_id, drawn, wanted_round(rounds), class_names(ROOT, view.run_id))
    beside = f" and the reference (seed {seed})" if seed is not None else ""
    st.caption(
        f"Showing {len(rows):,} of {len(probe):,} recorded samples in rounds {', '.join(map(str, rounds))}{beside}: "
        ":orange[✕] forget, :blue[●] retain, :green[◆] unseen; hollow before, filled after. One t-SNE of the outputs "
        "(logits) holds all of these moments together, so that places can be compared between them."
    )
    st.plotly_chart(
        figure,
        key="drift_map",
        alt=drift_alt(probe.iloc[rows], rounds, seed is not None, "a t-SNE of the outputs"),
        config=bar(MAP_WITHOUT),
    )
    hover_card("drift_map", probe_sprite(ROOT, view.run_id, tuple(rows.tolist())), key="drift_card")
    st.subheader("How far to trust this picture", anchor=False)
    names = [f"Round {number}" for number in rounds] + (["Reference"] if seed is not None else [])
    items = [Fidelity.of(name, {"fidelity": f}) for name, f in zip(names, manifest["fidelity"], strict=True)]
    for column, item in zip(st.columns(len(items)), items, strict=True):
        with column:
            fidelity_card(item, item.name)
    st.info(tsne_words(manifest["still_step"], manifest["self_neighbours"]), icon=":material/info:")


def full_space(view: RunView, rounds: list[int]) -> None:
    """Displacement per round in all dimensions, as lines and as a table."""
    st.subheader("How far samples really moved", anchor=False)
    table = drift_table([view.manifest(number) for number in rounds])
    bands = displacement_bands(ROOT, view.run_id, stamp(view, rounds))
    counts = probe_of(view, view.run_id)["group"].value_counts()
    st.caption(
        "Measured between each sample's embedding now and at round 0, in the full space: no projection is involved. "
        "Line: mean; dotted: median; band: the middle half of the samples. "
        + ", ".join(f"{TITLES[g].lower()} n = {counts.get(g, 0):,}" for g in GROUPS)
        + "."
    )
    st.plotly_chart(drift_lines(table, bands), key="drift_lines", alt=drift_lines_alt(table), config=bar())
    columns = {"round": st.column_config.NumberColumn("Round", width="small")}
    for measure, title in (("cosine", "cosine"), ("euclidean", "distance")):
        for group in GROUPS:
            columns[f"{measure} {group}"] = st.column_config.NumberColumn(f"{TITLES[group]} {title}", format="%.4f")
    st.dataframe(
        wide_table(table),
        hide_index=True,
        column_config=columns,
        alt="Mean displacement from round 0 per round and group",
    )


def sections(view: RunView, was_active: bool) -> None:
    """The page's parts from top to bottom."""
    rounds = view.rounds()
    if 0 not in rounds:
        st.error("Round 0 of this run is missing or damaged, and every picture is drawn relative to it.",
                 icon=":material/error:")  # fmt: skip
        return
    if was_active:
        live_line(view, rounds)
    tsne = view.tsne()
    which = "pca"
    if tsne is not None:
        which = st.segmented_control(
            "Projection",
            list(PROJECTIONS),
            format_func=PROJECTIONS.__getitem__,
            default="pca",
            required=True,
            key="projection",
            bind="query-params",
            help="t-SNE of the outputs is how the gradient-penalty paper shows its models; it keeps neighbours and "
            "nothing else, so the principal axes stay the default.",
        )
    if tsne is not None and which == "tsne":
        tsne_picture(view, tsne)
        full_space(view, rounds)
        return
    seed = pick_reference(view)
    shown = picture(view, rounds, seed)
    if seed is None:
        st.caption(
            "No reference was retrained for this run; clone it and ask for one to see where the samples would lie."
        )
    fidelity_strip(view, rounds, shown, seed)
    full_space(view, rounds)


show_run("Drift", sections)
