"""How alike one run's model finds views, samples and classes: before, after, at any round and in the reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.figures.class_similarity import Similarities, common_range, similarity_matrix, similarity_matrix_alt
from cu_core.figures.confidence_panes import ConfidencePane, common_bins, highest_share
from cu_core.figures.selection_marks import mark_selected
from cu_core.figures.similarity_panes import COSINES, means_table, only, similarity_alt, similarity_histograms
from cu_core.figures.theme import GROUPS, TITLES
from cu_core.metrics.centroids import class_similarity, own_centroid_cosines
from cu_core.runstore.reader import RunView, open_run
from pages._charts import bar
from pages._common import home, probe_of
from pages._one_run import footnotes, live_line, show_run
from pages._recorded import (
    Stamp,
    class_names,
    moment_name,
    pick_reference,
    pick_round,
    recorded_array,
    reference_stamp,
    stamp,
)
from pages._selection import NONE_REPORTED, Focus, few_words, selection_bar

HOME = home()
ROOT = str(HOME.root)
LAYOUTS = {"overlaid": "Overlaid", "panes": "One row per group"}
MEMBERS = {"forget": "Forget", "both": "Forget and retain"}
ROWS = {"forget": "Forget", "unseen": "Unseen"}
NO_MEMBERS = "No forget or unseen samples are selected; choose “Forget and retain” to see retained ones."


@st.cache_data(max_entries=24, show_spinner=False)
def cosines(root: str, run_id: str, chosen: str, rounds: Stamp, reference: Stamp) -> dict[int | None, np.ndarray]:
    """A cosine of every sample in the rounds that recorded it, and in the reference under None."""
    view = open_run(HOME, run_id)
    places = [(number, None) for number, _ in rounds] + [(None, seed) for seed, _ in reference]
    found = {number: cosine_of(view, chosen, number, seed) for number, seed in places}
    return {number: values for number, values in found.items() if values is not None}


def cosine_of(view: RunView, chosen: str, number: int | None, seed: int | None) -> np.ndarray | None:
    """(n,) one of `COSINES` in a round, or in the reference of a seed; None where it was not recorded."""
    array = recorded_array(view, COSINES[chosen].array, number, seed)
    if array is not None:
        return array.mean(1, dtype=np.float32) if array.ndim == 2 else array
    embedding = recorded_array(view, "embedding", number, seed) if chosen == "centroid" else None
    if embedding is None:
        return None
    # Runs of earlier versions kept the embeddings only.
    probe = probe_of(view, view.run_id)
    return own_centroid_cosines(embedding, probe["label"].to_numpy(), (probe["group"] == "retain").to_numpy())


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
    view = open_run(HOME, run_id)
    probe = probe_of(view, run_id)
    labels, groups, rule = (probe[name].to_numpy() for name in ("label", "group", "rule"))
    sides = [(groups == side) & ~rule for side in (which, "retain")]
    if only is not None:
        sides[0] &= np.isin(np.arange(len(groups)), only)
    found = {}
    for number, seed in [(number, None) for number, _ in rounds] + [(None, seed) for seed, _ in reference]:
        embedding = recorded_array(view, "embedding", number, seed)
        if embedding is not None:
            first, second = ((embedding[side], labels[side]) for side in sides)
            found[number] = class_similarity(*first, *second, classes)
    return found


def distribution_section(
    view: RunView,
    probe: pd.DataFrame,
    reported: np.ndarray,
    rounds: list[int],
    number: int,
    seed: int | None,
    focus: Focus,
) -> None:
    """Histograms of one cosine with the means of members and non-members."""
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
        layout = st.segmented_control(
            "Arrangement",
            list(LAYOUTS),
            format_func=LAYOUTS.__getitem__,
            default="overlaid",
            required=True,
            key="layout",
            bind="query-params",
        )
    signal = COSINES[chosen]
    recorded = cosines(ROOT, view.run_id, chosen, stamp(view, rounds), reference_stamp(view, seed))
    in_rounds = sorted(k for k in recorded if k is not None)
    if not in_rounds:
        st.info(f"{signal.title} was not recorded in this run.", icon=":material/info:")
        return
    shown = max((k for k in in_rounds if k <= number), default=min(in_rounds))
    if shown != number:
        listed = ", ".join(map(str, in_rounds))
        st.caption(f"{signal.title} was recorded in rounds {listed}; the latest up to round {number} is shown.")
    groups = probe["group"].to_numpy()[reported]
    drawn = GROUPS if members == "both" else ("forget", "unseen")

    def moment(title: str, values: np.ndarray, kind: str) -> ConfidencePane:
        return only(ConfidencePane(title, groups, values[reported], kind), drawn)

    moments = {k: moment(moment_name(k, rounds[-1]), recorded[k], "before" if k == 0 else "round") for k in in_rounds}
    panes = [moments[k] for k in sorted({min(in_rounds), shown})]
    compared = list(moments.values())
    if None in recorded:
        panes.append(moment("Reference (retrained)", recorded[None], "reference"))
        compared.append(panes[-1])
    if not any(np.isfinite(m.values).any() for m in compared):
        st.info(
            NO_MEMBERS
            if not any(len(m.values) for m in compared)
            else "None of these samples has a class with retain samples, so there is no centroid to compare with.",
            icon=":material/info:",
        )
        return
    edges = common_bins(signal, [m.values for m in compared])
    top = highest_share(compared, edges)
    figure = similarity_histograms(signal, panes, edges, top=top, overlaid=layout == "overlaid")
    marked = focus.among(reported)[np.isin(groups, drawn)]
    mark_selected(figure, panes, marked, edges, top=top, overlaid=layout == "overlaid")
    st.plotly_chart(figure, key="cosines", alt=similarity_alt(signal, panes), config=bar())
    st.caption(
        f"{signal.summary} Shares within each group; dashed lines mark the means. Bins and axes are the same for all "
        "rounds and the reference. Before unlearning in outline, after it filled."
        + (f" {few_words(groups, expected=drawn)}" if focus.only else "")
        + (" Strokes at the foot are the selected samples." if focus and not focus.only else "")
    )
    show_means(means_table(panes))


def show_means(table: pd.DataFrame) -> None:
    """The means behind the dashed lines, and the gap between members and non-members."""
    columns = {"moment": st.column_config.TextColumn("Mean cosine"), "gap": None}
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
        table,
        hide_index=True,
        column_order=order,
        column_config=columns,
        alt="Mean cosine of each group before, after and in the reference",
    )


def class_section(
    view: RunView, probe: pd.DataFrame, rounds: list[int], number: int, seed: int | None, focus: Focus
) -> None:
    """Mean cosine between classes of forget samples and retained classes."""
    st.subheader("Which retained classes they resemble", anchor=False)
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
    groups, rule = probe["group"].to_numpy(), probe["rule"].to_numpy()
    own = focus.within(np.flatnonzero((groups == which) & ~rule))
    counts = {which: len(own), "retain": int(((groups == "retain") & ~rule).sum())}
    if not all(counts.values()):
        missing = " or ".join(side for side, count in counts.items() if not count)
        verb = "are selected" if focus.only and counts["retain"] else "were recorded"
        st.info(f"No {missing} samples {verb}.", icon=":material/info:")
        return
    names = class_names(ROOT, view.run_id)
    size = max(len(names), 1 + int(probe["label"].max()))
    only = tuple(own.tolist()) if focus.only else None
    found = class_cosines(ROOT, view.run_id, which, stamp(view, rounds), reference_stamp(view, seed), size, only)
    panes = [
        Similarities(moment_name(k, rounds[-1]), found[k], "before" if k == 0 else "round")
        for k in sorted({0, number})
        if k in found
    ]
    if None in found:
        panes.append(Similarities("Reference (retrained)", found[None], "reference"))
    figure = similarity_matrix(panes, names, ends=common_range(found.values()), rows_title=f"{ROWS[which]} class")
    st.plotly_chart(figure, key="class_cosines", alt=similarity_matrix_alt(panes), config=bar())
    first, second = (f"selected {which}", "all") if focus.only else (which, "")
    st.caption(
        f"Mean cosine of all pairs of embeddings between {counts[which]:,} {first} and {second} {counts['retain']:,} "
        "retain samples, class by class. The frame marks the own class, where any of it was retained. The colours "
        "mean the same in all panes and rounds."
    )


def sections(view: RunView, was_active: bool) -> None:
    """The page's parts from top to bottom."""
    rounds = view.rounds()
    if 0 not in rounds:
        st.error("Round 0 of this run is missing or damaged, so there is no before.", icon=":material/error:")
        return
    if was_active:
        live_line(view, rounds)
    probe = probe_of(view, view.run_id)
    focus = selection_bar(view)
    reported = focus.within(np.flatnonzero(~probe["rule"].to_numpy()))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = pick_round(rounds)
        seed = pick_reference(view)
    if not len(reported):
        st.info(NONE_REPORTED, icon=":material/info:")
        return
    distribution_section(view, probe, reported, rounds, number, seed, focus)
    class_section(view, probe, rounds, number, seed, focus)
    if notes := footnotes(view, seed):
        st.caption(" ".join(notes))


show_run("Similarity", sections)
