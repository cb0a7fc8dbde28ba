"""What membership attacks can still tell about the forgotten samples: before, after and on the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.figures.attack_overview import (
    SERIES,
    all_numbers,
    attack_title,
    gap_words,
    overview,
    overview_alt,
    series_title,
)
from cu_core.figures.attack_scores import (
    Scored,
    judge,
    roc_alt,
    roc_figure,
    roc_words,
    score_bins,
    score_panes,
    scores_alt,
)
from cu_core.figures.selection_marks import mark_scores
from cu_core.metrics.attacks import ATTACKS, MODELS, NUMBERS, WAYS, score_array
from cu_core.runstore.reader import RunView
from pages._attack_selection import LEFT_OUT, audited, narrowed, selected_section
from pages._charts import bar
from pages._common import ACTIVE, home
from pages._downloads import table_downloads
from pages._one_run import show_run
from pages._selection import Focus, many, selection_bar
from pages._verdicts import verdict_section

HOME = home()
ROOT = str(HOME.root)
OVERVIEW = ("accuracy", "auc", "tpr_at_1_fpr")
# The paper's way first, then what it leaves out.
ORDER = ("transferred", "refitted", "shadow")
AXES = {"log": "Logarithmic", "linear": "Linear"}


def interval_text(values: Any, number: str) -> str:
    """A number with its 95 % interval; a dash where there is none."""
    if not values or values[0] is None:
        return "–"
    scale, form = (1, ".2f") if number == "auc" else (100, ".1f")
    shown = [None if v is None else format(scale * v, form) for v in values]
    return f"{shown[0]} ({shown[1]} to {shown[2]})" if None not in shown else str(shown[0])


def numbers_table(attacks: dict[str, Any], attack: str) -> pd.DataFrame:
    """All numbers of an attack, one row per model and way."""
    rows = []
    for model in MODELS:
        for way in ORDER:
            if found := attacks[attack].get(model, {}).get(way):
                values = {
                    NUMBERS[n].title + ("" if n == "auc" else ", %"): interval_text(found.get(n), n) for n in NUMBERS
                }
                rows.append({"Model and way": series_title(model, way)} | values)
    return pd.DataFrame(rows).rename(columns={"TPR at 1 % FPR, %": "TPR at 1 % FPR"})


def scored(view: RunView, attacks: dict[str, Any], attack: str, model: str, way: str) -> Scored | None:
    """The stored scores of an attack; None where it was not made in this way."""
    found = attacks[attack].get(model, {}).get(way)
    name = score_array(attack, model, way)
    if not found or name not in view.audit()["arrays"]:  # type: ignore[index]
        return None
    score, member = np.asarray(view.audit_array(name)), np.asarray(view.audit_array("member"))
    return Scored(model, way, score, member, found.get("threshold"))


def way_on(model: str, way: str) -> str:
    """The way in which a model is shown where `way` is chosen: before unlearning there is nothing to transfer to."""
    return "refitted" if model == "before" and way == "transferred" else way


def overview_section(attacks: dict[str, Any]) -> None:
    """Every attack with its intervals."""
    number = st.segmented_control(
        "Number",
        OVERVIEW,
        format_func=lambda key: NUMBERS[key].title,
        default="accuracy",
        required=True,
        key="number",
        bind="query-params",
    )
    st.plotly_chart(overview(attacks, number), key="overview", alt=overview_alt(attacks, number), config=bar())
    st.caption(
        f"{NUMBERS[number].summary} Lines are 95 % bootstrap intervals. What to aim at is the reference, or chance "
        "where there is none: far below it, a sample stands out as well."
    )
    with st.container(horizontal=True):
        table_downloads(all_numbers(attacks), "attacks", "attacks")


def pick_attack(attacks: dict[str, Any]) -> tuple[str, str]:
    """The attack and the way to look at."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        attack = st.selectbox(
            "Attack", list(attacks), format_func=attack_title, key="attack", bind="query-params", width=280
        )
        ways = [way for way in WAYS if any(way in models.get("after", {}) for models in attacks.values())]
        ways = sorted(ways, key=ORDER.index)
        way = st.segmented_control(
            "Fitted on",
            ways,
            format_func=lambda key: WAYS[key].title,
            default=ways[0],
            required=True,
            key="way",
            bind="query-params",
        )
    if attack in ATTACKS:
        st.caption(f"{ATTACKS[attack].summary} {ATTACKS[attack].paper}. {WAYS[way].title}: {WAYS[way].summary}")
    return attack, way


def numbers_section(attacks: dict[str, Any], attack: str) -> None:
    """Transferred and re-fitted numbers side by side, and what their gap says."""
    st.dataframe(
        numbers_table(attacks, attack), hide_index=True, alt=f"Numbers of {attack_title(attack)} by model and way"
    )
    st.info(gap_words(attacks, attack), icon=":material/compare_arrows:")
    reasons = {
        f"{series_title(model, way)}: {found['reason']}"
        for model, ways in attacks[attack].items()
        for way, found in ways.items()
        if found.get("reason")
    }
    for reason in sorted(reasons):
        st.caption(f":material/block: {reason}")


def pick_threshold(panes: list[Scored], edges: np.ndarray, name: str) -> float:
    """The slider; it starts at the threshold fitted for the model after unlearning."""
    fitted = next((p.threshold for p in reversed(panes) if p.model == "after" and p.threshold is not None), None)
    start = float(np.median(np.concatenate([p.score for p in panes]))) if fitted is None else fitted
    low, high = float(edges[0]), float(edges[-1])
    return st.slider(
        "Threshold: judged a member is what scores at least",
        low,
        high,
        min(max(start, low), high),
        step=(high - low) / 400,
        format="%.3g",
        key=name,
        help="Starts at the level that was fitted for the model after unlearning (the mean of both folds).",
    )


def score_title(attack: str) -> str:
    """What an attack's score is, for an axis."""
    return ATTACKS[attack].score if attack in ATTACKS else "Score"


def threshold_section(panes: list[Scored], attack: str, key: str, marked: np.ndarray) -> float:
    """Distributions with the threshold and the marked rows, and what the threshold decides."""
    st.subheader("Scores and the threshold", anchor=False)
    edges = score_bins([p.score for p in panes], [p.threshold for p in panes])
    threshold = pick_threshold(panes, edges, f"threshold_{key}")
    figure = mark_scores(score_panes(panes, edges, threshold, score_title(attack)), panes, marked, edges)
    st.plotly_chart(figure, key="scores", alt=scores_alt(panes, threshold), config=bar())
    rows = []
    for pane in panes:
        found = judge(pane.score, pane.member, threshold)
        rows.append(
            {
                "At this threshold": pane.title,
                "Accuracy": 100 * found.accuracy,
                "Precision": None if found.precision is None else 100 * found.precision,
                "Recall": 100 * found.recall,
                "Non-members accused": 100 * found.false_positives,
                "Fitted threshold": pane.threshold,
            }
        )
    percent = {n: st.column_config.NumberColumn(format="%.1f %%") for n in list(rows[0])[1:5]}
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config=percent | {"Fitted threshold": st.column_config.NumberColumn(format="%.4g")},
        alt="Decisions at the chosen threshold",
    )
    with st.container(horizontal=True):
        table_downloads(pd.DataFrame(rows), f"decisions-{attack}", "decisions")
    st.caption(
        f"{'Strokes at the foot are the selected samples. ' if len(marked) else ''}"
        "Solid line: the chosen threshold; dotted: the one fitted for the pane. Shares within members and within "
        "non-members; the outermost bins hold what lies beyond. The reported numbers above judge each half of the "
        "samples by the threshold fitted on the other half, so they differ a little from these."
    )
    return threshold


def roc_section(view: RunView, attacks: dict[str, Any], attack: str) -> None:
    """ROC curves of every model and way."""
    st.subheader("ROC", anchor=False)
    axis = st.segmented_control(
        "False positives",
        list(AXES),
        format_func=AXES.__getitem__,
        default="log",
        required=True,
        key="roc_axis",
        bind="query-params",
    )
    curves = [c for series in SERIES if (c := scored(view, attacks, attack, *series)) is not None]
    shadows = [scored(view, attacks, attack, model, "shadow") for model in ("before",)]
    curves += [c for c in shadows if c is not None]
    st.plotly_chart(roc_figure(curves, log=axis == "log"), key="roc", alt=roc_alt(curves), config=bar())
    member = curves[0].member
    st.caption(roc_words(int(member.sum()), int((~member).sum())))


def why_no_audit(view: RunView) -> tuple[str, str]:
    """Why there are no attacks to show, and what to do."""
    if view.spec.audit.attacks == "none":
        return "This run was asked to leave the attacks out.", "Clone it and set membership attacks to auto."
    if view.state != "succeeded":
        return (
            f"Attacks are made once a run has ended well; this one is {view.state}.",
            "Resume it, or clone it, to get them.",
        )
    notes = [note for note in (view.result() or {}).get("notes", []) if "attack" in note.lower()]
    if notes:
        return " ".join(notes), "Clone it with a larger forget set or more unseen samples."
    return "This run was made before attacks were part of a run.", "Clone it to get them."


def selection_sections(view: RunView, attacks: dict[str, Any], focus: Focus) -> None:
    """The page about the selected samples alone."""
    rows = audited(view, focus)
    count = many(len(focus.rows), "selected")
    if not len(rows):
        st.info(
            f"None of the {count} is among the forget and unseen samples that the attacks were made on.",
            icon=":material/info:",
        )
        return
    st.caption(f"{len(rows):,} of the {count} are among those that the attacks were made on. {LEFT_OUT}")
    attack, way = pick_attack(attacks)
    shown = [scored(view, attacks, attack, model, way_on(model, way)) for model in MODELS]
    panes = [pane for pane in shown if pane is not None]
    if not panes:
        st.info("This attack gave no scores in this way.", icon=":material/info:")
        return
    st.subheader("Scores and the threshold", anchor=False)
    edges = score_bins([p.score for p in panes], [p.threshold for p in panes])
    threshold = pick_threshold(panes, edges, f"threshold_{view.run_id}_{attack}_{way}")
    selected_section(panes, rows, threshold, score_title(attack), attack)
    own = narrowed([p for p in panes if p.model != "reference"], rows)
    verdict_section(ROOT, view, own, threshold, rows)


def sections(view: RunView) -> None:
    """The page's parts from top to bottom."""
    audit = view.audit()
    if audit is None or not audit.get("attacks"):
        if view.state in ACTIVE:
            st.info(
                "Membership attacks are made at the end of a run; this page fills by itself.",
                title="Not there yet",
                icon=":material/hourglass_empty:",
            )
            return
        reason, what = why_no_audit(view)
        st.info(f"{reason} {what}", title="No membership attacks in this run", icon=":material/info:")
        st.page_link(
            "launch.py", label="Clone this run", icon=":material/content_copy:", query_params={"clone": view.run_id}
        )
        return
    attacks = audit["attacks"]
    focus = selection_bar(view)
    if focus.only:
        selection_sections(view, attacks, focus)
        return
    st.caption(
        f"{audit['members']:,} forget samples (members) against {audit['non_members']:,} unseen ones of the same class "
        f"mix (non-members). Every sample is scored by an attack that was fitted on the other half of them. "
        + (
            ""
            if audit.get("reference_seed") is not None
            else "No reference was retrained, so chance is what to aim at."
        )
    )
    overview_section(attacks)
    attack, way = pick_attack(attacks)
    numbers_section(attacks, attack)
    shown = [scored(view, attacks, attack, model, way_on(model, way)) for model in MODELS]
    panes = [pane for pane in shown if pane is not None]
    if not panes:
        st.info("This attack gave no scores in this way.", icon=":material/info:")
        return
    threshold = threshold_section(panes, attack, f"{view.run_id}_{attack}_{way}", audited(view, focus))
    roc_section(view, attacks, attack)
    verdict_section(ROOT, view, [p for p in panes if p.model != "reference"], threshold)


show_run("Attack", lambda view, was_active: sections(view))
