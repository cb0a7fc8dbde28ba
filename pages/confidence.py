"""What the model of one run says about its samples: distributions and predictions, before, after and reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.figures.class_matrix import (
    Predictions,
    count_predictions,
    highest_count,
    prediction_alt,
    prediction_matrix,
)
from cu_core.figures.confidence_panes import (
    SIGNALS,
    ConfidencePane,
    common_bins,
    distributions,
    distributions_alt,
    highest_share,
    spread_of,
)
from cu_core.figures.selection_marks import mark_selected
from cu_core.figures.theme import GROUPS, TITLES
from cu_core.runstore.reader import RunView
from pages._charts import bar
from pages._common import home, probe_of
from pages._one_run import footnotes, live_line, show_run
from pages._recorded import class_names, moment_name, pick_reference, pick_round, signal_by_round, signal_of
from pages._selection import NONE_REPORTED, Focus, few_words, selection_bar

HOME = home()
ROOT = str(HOME.root)
LAYOUTS = {"overlaid": "Overlaid", "panes": "One row per group"}
ROWS = {"true_label": "True class", "label": "Label as trained"}
ALL = "all"


def distribution_section(
    view: RunView,
    probe: pd.DataFrame,
    reported: np.ndarray,
    rounds: list[int],
    number: int,
    seed: int | None,
    focus: Focus,
) -> None:
    """Histograms of one signal before, in the round and in the reference."""
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
        layout = st.segmented_control(
            "Arrangement",
            list(LAYOUTS),
            format_func=LAYOUTS.__getitem__,
            default="overlaid",
            required=True,
            key="layout",
            bind="query-params",
        )
        log = chosen == "loss" and st.toggle("Logarithmic axis", value=True, key="log_axis", persist_state="session")
    signal = SIGNALS[chosen]
    recorded = signal_by_round(view, signal.array, rounds)
    if not recorded:
        st.info(f"{signal.title} was not recorded in this run.", icon=":material/info:")
        return
    shown = max((k for k in recorded if k <= number), default=min(recorded))
    if shown != number:
        listed = ", ".join(map(str, recorded))
        st.caption(f"{signal.title} was recorded in rounds {listed}; the latest up to round {number} is shown.")
    groups = probe["group"].to_numpy()[reported]

    def moment(title: str, values: np.ndarray, kind: str) -> ConfidencePane:
        return ConfidencePane(title, groups, values[reported], kind)

    by_round = {k: moment(moment_name(k, rounds[-1]), v, "before" if k == 0 else "round") for k, v in recorded.items()}
    panes = [by_round[k] for k in sorted({min(recorded), shown})]
    compared = list(by_round.values())
    if seed is not None and (values := signal_of(view, signal.array, None, seed)) is not None:
        reference = moment("Reference (retrained)", values, "reference")
        panes.append(reference)
        compared.append(reference)
    others = [signal_of(view, signal.array, None, other) for other in view.references()] if seed is not None else []
    references = [moment("Reference", values, "reference") for values in others if values is not None]
    edges = common_bins(signal, [m.values for m in [*compared, *references]], log=log)
    top = highest_share([*compared, *references], edges)
    figure = distributions(
        signal,
        panes,
        edges,
        top=top,
        overlaid=layout == "overlaid",
        log=log,
        spread=spread_of(references, edges),
    )
    mark_selected(figure, panes, focus.among(reported), edges, top=top, overlaid=layout == "overlaid")
    st.plotly_chart(figure, key="distributions", alt=distributions_alt(signal, panes), config=bar())
    st.caption(
        f"{signal.summary} Shares within each group, so that groups of different size can be compared; bins and axes "
        "are the same for all rounds and the reference. Before unlearning in outline, after it filled."
        + (
            f" The band behind the reference spans what {len(references)} retrained models give in each bin."
            if len(references) > 1
            else ""
        )
        + (f" {few_words(groups)}" if focus.only else "")
        + (" Strokes at the foot are the selected samples." if focus and not focus.only else "")
    )


def matrix_section(
    view: RunView,
    probe: pd.DataFrame,
    reported: np.ndarray,
    rounds: list[int],
    number: int,
    seed: int | None,
    focus: Focus,
) -> None:
    """Counts by class and predicted class before, in the round and in the reference."""
    st.subheader("What samples are taken for", anchor=False)
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
        verb = "are selected" if focus.only else "were recorded"
        st.info(f"No {TITLES.get(which, '').lower()} samples {verb}.", icon=":material/info:")
        return
    predicted = {k: signal_of(view, "top3_class", k) for k in rounds}
    reference = None if seed is None else signal_of(view, "top3_class", None, seed)
    known = [*predicted.values(), *([reference] if reference is not None else [])]
    names = class_names(ROOT, view.run_id)
    size = max(len(names), 1 + max(int(array.max()) for array in [probe[rows].to_numpy(), *known]))
    counts = {k: count_predictions(true, array[inside], size) for k, array in predicted.items()}
    panes = [
        Predictions(moment_name(k, rounds[-1]), counts[k], "before" if k == 0 else "round") for k in sorted({0, number})
    ]
    compared = list(counts.values())
    if reference is not None:
        compared.append(count_predictions(true, reference[inside], size))
        panes.append(Predictions("Reference (retrained)", compared[-1], "reference"))
    figure = prediction_matrix(
        panes, names, most=highest_count(compared, hide_diagonal=hide), rows_title=ROWS[rows], hide_diagonal=hide
    )
    st.plotly_chart(figure, key="predictions", alt=prediction_alt(panes), config=bar())
    chosen = "selected samples" if focus.only else "samples"
    st.caption(
        f"n = {len(true):,} {chosen} in every pane. Empty cells are zero; the colours mean the same in all panes and "
        "rounds. Classes without samples in this choice have no row."
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
    matrix_section(view, probe, reported, rounds, number, seed, focus)
    if notes := footnotes(view, seed):
        st.caption(" ".join(notes))


show_run("Confidence", sections)
