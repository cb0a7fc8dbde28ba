"""The parts of the Confidence page: distributions of a signal, and what samples are taken for."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cu_core.analysis.recorded_signals import signal_of
from cu_core.figures.class_matrix import (
    Predictions,
    count_predictions,
    highest_count,
    prediction_alt,
    prediction_matrix,
)
from cu_core.figures.class_ranking import MOST_CLASSES, answer_ranking, ranking_words
from cu_core.figures.confidence_panes import (
    SIGNALS,
    ConfidencePane,
    axis_of,
    by_group,
    common_bins,
    distributions,
    distributions_alt,
    highest_share,
    signals_for,
    spread_of,
)
from cu_core.figures.selection_marks import mark_selected
from cu_core.figures.table_panes import MOST_NARROW
from cu_core.figures.theme import GROUPS, TITLES
from pages._distributions.samples_page import ShownSamples, moments_of, panes_of, pick_layout, selection_words
from pages._shared.chart_bar import show_chart
from pages._shared.recorded_rounds import class_names, signal_by_round
from pages._shared.server_home import home
from pages._shared.window_watch import is_narrow
from pages._terms.term_link import terms_row

ROWS = {"true_label": "True class", "label": "Label as trained"}
ALL = "all"


def signal_at_moments(shown: ShownSamples, name: str) -> dict[int | None, np.ndarray]:
    """A signal of every sample in the rounds that recorded it, and in the shown reference under None."""
    found: dict[int | None, np.ndarray] = dict(signal_by_round(shown.view, name, shown.rounds).items())
    reference = None if shown.seed is None else signal_of(shown.view, name, None, shown.seed)
    return found if reference is None else found | {None: reference}


def distribution_section(shown: ShownSamples) -> None:
    """Histograms of one signal before, in the round and in the reference."""
    terms_row("top-1", "margin", "loss", "nats")
    view, reported, groups = shown.view, shown.reported, shown.groups
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Signal",
            list(SIGNALS),
            format_func=lambda key: SIGNALS[key].title,
            default="probability",
            required=True,
            key="signal",
            bind="query-params",
        )
        overlaid = pick_layout()
        log = chosen == "loss" and st.toggle("Logarithmic axis", value=True, key="log_axis", persist_state="session")
    signal = signals_for([view.spec.train.objective])[chosen]

    def moment(title: str, values: np.ndarray, kind: str) -> ConfidencePane:
        return ConfidencePane(title, groups, values[reported], kind)

    panes, compared = panes_of(shown, signal.title, signal_at_moments(shown, signal.array), moment)
    if not panes:
        return
    seeds = view.references() if shown.seed is not None else []
    others = [signal_of(view, signal.array, None, seed) for seed in seeds]
    references = [moment("Reference", values, "reference") for values in others if values is not None]
    edges = common_bins(signal, by_group([*compared, *references]), log=log)
    top = highest_share([*compared, *references], edges)
    spread = spread_of(references, edges)
    figure = distributions(signal, panes, edges, top=top, overlaid=overlaid, spread=spread, narrow=is_narrow())
    mark_selected(figure, panes, shown.focus.among(reported), axis_of(signal, edges), top=top, overlaid=overlaid)
    show_chart(figure, key="distributions", alt=distributions_alt(signal, panes))
    st.caption(
        f"{signal.summary} Shares within each group, so that groups of different size can be compared; bins and axes "
        "are the same for all rounds and the reference. Before unlearning in outline, after it filled."
        + (
            f" The band behind the reference spans what {len(references)} retrained models give in each bin."
            if len(references) > 1
            else ""
        )
        + selection_words(shown)
    )


def matrix_section(shown: ShownSamples) -> None:
    """Counts by class and predicted class before, in the round and in the reference."""
    st.header("What samples are taken for", anchor=False)
    probe, reported, only = shown.probe, shown.reported, shown.focus.only
    relabelled = bool((probe["label"] != probe["true_label"]).any())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.segmented_control(
            "Samples",
            [*GROUPS, ALL],
            format_func=lambda key: TITLES.get(key, "All"),
            default="forget",
            required=True,
            key="samples",
            bind="query-params",
        )
        rows = "true_label"
        if relabelled:
            rows = st.segmented_control(
                "Rows",
                list(ROWS),
                format_func=ROWS.__getitem__,
                default="true_label",
                required=True,
                key="rows",
                bind="query-params",
                help="Some labels were replaced by noise: compare with the class before or after that.",
            )
        hide = st.toggle("Hide correct predictions", key="hide_correct", bind="query-params")
    inside = reported if which == ALL else reported[(probe["group"] == which).to_numpy()[reported]]
    true = probe[rows].to_numpy()[inside]
    if not len(true):
        verb = "are selected" if only else "were recorded"
        st.info(f"No {TITLES.get(which, '').lower()} samples {verb}.", icon=":material/info:")
        return
    predicted = signal_at_moments(shown, "top3_class")
    names = class_names(str(home().root), shown.view.run_id)
    size = max(len(names), 1 + max(int(array.max()) for array in [probe[rows].to_numpy(), *predicted.values()]))
    counts = {k: count_predictions(true, array[inside], size) for k, array in predicted.items()}
    panes = [Predictions(title, counts[k], kind) for k, title, kind in moments_of(shown, counts)]
    if not panes:
        st.info("Predicted classes were not recorded in this run.", icon=":material/info:")
        return
    narrow = is_narrow()
    many = size > (MOST_NARROW if narrow else MOST_CLASSES)
    figure = (
        answer_ranking(
            panes,
            names,
            states=[Predictions("", found, "") for found in counts.values()],
            hide_diagonal=hide,
            narrow=narrow,
        )
        if many
        else prediction_matrix(
            panes,
            names,
            most=highest_count(list(counts.values()), hide_diagonal=hide),
            rows_title=ROWS[rows],
            hide_diagonal=hide,
            narrow=narrow,
        )
    )
    show_chart(figure, key="predictions", alt=prediction_alt(panes))
    st.caption(
        f"n = {len(true):,} {'selected samples' if only else 'samples'} in every pane. "
        + (
            ranking_words(panes, hide_diagonal=hide)
            if many
            else "Empty cells are zero; the colours mean the same in all panes and rounds. Classes without samples in "
            "this choice have no row."
        )
    )
