"""The parts of the Similarity page: distributions of a cosine with their means, and class against class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.analysis.recorded_signals import class_cosines_of, cosine_of
from cu_core.base.csv_cells import shown_table
from cu_core.figures.class_similarity import (
    Similarities,
    common_range,
    left_out_words,
    similarity_matrix,
    similarity_matrix_alt,
)
from cu_core.figures.confidence_panes import ConfidencePane, axis_of, by_group, common_bins, highest_share
from cu_core.figures.selection_marks import mark_selected
from cu_core.figures.similarity_panes import COSINES, means_table, only, similarity_alt, similarity_histograms
from cu_core.figures.theme import GROUPS, TITLES
from cu_core.runstore.reader import open_run
from pages._distributions.samples_page import ShownSamples, moments_of, panes_of, pick_layout, selection_words
from pages._shared.chart_bar import show_chart
from pages._shared.recorded_rounds import Stamp, class_names, reference_stamp, stamp
from pages._shared.server_home import home
from pages._shared.window_watch import is_narrow
from pages._terms.term_link import terms_row

MEMBERS = {"forget": "Forget", "both": "Forget and retain"}
ROWS = {"forget": "Forget", "unseen": "Unseen"}
NO_MEMBERS = "No forget or unseen samples are selected; choose “Forget and retain” to see retained ones."


@st.cache_data(max_entries=24, show_spinner=False)
def cosines(root: str, run_id: str, chosen: str, rounds: Stamp, reference: Stamp) -> dict[int | None, np.ndarray]:
    """A cosine of every sample in the rounds that recorded it, and in the reference under None."""
    view = open_run(home(), run_id)
    places = [(number, None) for number, _ in rounds] + [(None, seed) for seed, _ in reference]
    found = {number: cosine_of(view, chosen, number, seed) for number, seed in places}
    return {number: values for number, values in found.items() if values is not None}


@st.cache_data(max_entries=24, show_spinner=False)
def class_cosines(
    root: str,
    run_id: str,
    which: str,
    rounds: Stamp,
    reference: Stamp,
    classes: int,
    only: tuple[int, ...] | None,
) -> dict[int | None, np.ndarray]:
    """Mean cosine of a group's classes to the retained classes in every round, and in the reference under None.

    With `only`, of these samples of the group; the retained classes stay whole.
    """
    view = open_run(home(), run_id)
    places = [(number, None) for number, _ in rounds] + [(None, seed) for seed, _ in reference]
    found = {k: class_cosines_of(view, which, k, seed, classes=classes, only=only) for k, seed in places}
    return {number: values for number, values in found.items() if values is not None}


def distribution_section(shown: ShownSamples) -> None:
    """Histograms of one cosine with the means of members and non-members."""
    terms_row("two-view", "centroid-cosine", "encoder-mi")
    view, reported, groups = shown.view, shown.reported, shown.groups
    # Only encoders' runs record more than one pair of views.
    offered = [key for key in COSINES if key != "pairs" or view.spec.self_supervised]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Cosine",
            offered,
            format_func=lambda key: COSINES[key].title,
            default="views",
            required=True,
            key="cosine",
            bind="query-params",
        )
        members = st.segmented_control(
            "Members",
            list(MEMBERS),
            format_func=MEMBERS.__getitem__,
            default="forget",
            required=True,
            key="members",
            bind="query-params",
            help="Samples that the model was trained on. They are compared with unseen samples, the non-members.",
        )
        overlaid = pick_layout()
    signal = COSINES[chosen]
    drawn = GROUPS if members == "both" else ("forget", "unseen")

    def moment(title: str, values: np.ndarray, kind: str) -> ConfidencePane:
        return only(ConfidencePane(title, groups, values[reported], kind), drawn)

    stamps = stamp(view, shown.rounds), reference_stamp(view, shown.seed)
    recorded = cosines(str(home().root), view.run_id, chosen, *stamps)
    panes, compared = panes_of(shown, signal.title, recorded, moment)
    if not panes:
        return
    if not any(np.isfinite(m.values).any() for m in compared):
        st.info(
            NO_MEMBERS
            if not any(len(m.values) for m in compared)
            else "None of these samples has a class with retain samples, so there is no centroid to compare with.",
            icon=":material/info:",
        )
        return
    edges = common_bins(signal, by_group(compared))
    top = highest_share(compared, edges)
    figure = similarity_histograms(signal, panes, edges, top=top, overlaid=overlaid, narrow=is_narrow())
    marked = shown.focus.among(reported)[np.isin(groups, drawn)]
    mark_selected(figure, panes, marked, axis_of(signal, edges), top=top, overlaid=overlaid)
    show_chart(figure, key="cosines", alt=similarity_alt(signal, panes))
    st.caption(
        f"{signal.summary} Shares within each group; dashed lines mark the means. Bins and axes are the same for all "
        f"rounds and the reference. Before unlearning in outline, after it filled.{selection_words(shown, drawn)}"
    )
    show_means(means_table(panes))


def show_means(table: pd.DataFrame) -> None:
    """The means behind the dashed lines, and the gap between members and non-members."""
    columns: dict[str, Any] = {"moment": st.column_config.TextColumn("Mean cosine"), "gap": None}
    order = ["moment"]
    for group in GROUPS:
        if group in table:
            columns[group] = st.column_config.NumberColumn(TITLES[group], format="%.4f")
            columns[f"{group} n"] = st.column_config.NumberColumn(f"n {group}")
            order += [group, f"{group} n"]
    if table["gap"].notna().any():
        order.append("gap")
        columns["gap"] = st.column_config.NumberColumn(
            "Forget − unseen",
            format="%+.4f",
            help="Members' mean minus non-members'. Near 0 they cannot be told apart.",
        )
    st.dataframe(
        shown_table(table),
        hide_index=True,
        column_order=order,
        column_config=columns,
        placeholder="–",
        alt="Mean cosine of each group before, after and in the reference",
    )


def class_section(shown: ShownSamples) -> None:
    """Mean cosine between classes of forget samples and retained classes."""
    st.header("Which retained classes they resemble", anchor=False)
    which = st.segmented_control(
        "Rows",
        list(ROWS),
        format_func=ROWS.__getitem__,
        default="forget",
        required=True,
        key="class_rows",
        bind="query-params",
        help="Unseen samples show what the model makes of images that it never trained on.",
    )
    view, probe, focus = shown.view, shown.probe, shown.focus
    groups, rule = probe["group"].to_numpy(), probe["rule"].to_numpy()
    own = focus.within(np.flatnonzero((groups == which) & ~rule))
    counts = {which: len(own), "retain": int(((groups == "retain") & ~rule).sum())}
    if not all(counts.values()):
        missing = " or ".join(side for side, count in counts.items() if not count)
        verb = "are selected" if focus.only and counts["retain"] else "were recorded"
        st.info(f"No {missing} samples {verb}.", icon=":material/info:")
        return
    names = class_names(str(home().root), view.run_id)
    size = max(len(names), 1 + int(probe["label"].max()))
    stamps = stamp(view, shown.rounds), reference_stamp(view, shown.seed)
    selected = tuple(own.tolist()) if focus.only else None
    found = class_cosines(str(home().root), view.run_id, which, *stamps, size, selected)
    panes = [Similarities(title, found[k], kind) for k, title, kind in moments_of(shown, found)]
    ends, narrow = common_range(found.values()), is_narrow()
    figure = similarity_matrix(panes, names, ends=ends, rows_title=f"{ROWS[which]} class", narrow=narrow)
    show_chart(figure, key="class_cosines", alt=similarity_matrix_alt(panes))
    first, second = (f"selected {which}", "all") if focus.only else (which, "")
    st.caption(
        f"Mean cosine of all pairs of embeddings between {counts[which]:,} {first} and {second} {counts['retain']:,} "
        "retain samples, class by class. The frame marks the own class, where any of it was retained. The colours "
        f"mean the same in all panes and rounds.{left_out_words([pane.cosine for pane in panes], narrow=narrow)}"
    )
