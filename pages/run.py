"""One run: progress while it works, curves, before and after beside the reference, and what can be done with it."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from cu_core.errors import UnlearnscopeError
from cu_core.figures.curves import RunCurves, signal_panes
from cu_core.metrics import METRICS
from cu_core.objectives import objective
from cu_core.runs import store
from cu_core.runs.reader import RunRow, RunView, open_run
from cu_core.spec import RunSpec, short
from pages._common import (
    ACTIVE,
    ago,
    delete_run,
    difference_text,
    draw_curves,
    duration,
    home,
    metric_text,
    offer_undo,
    pick_run,
    run_curves,
    say,
    state_badge,
)

REFRESH_SECONDS = 1.0
LOG_BYTES = 20_000
PHASES = {
    "prepare": "Preparing the dataset",
    "train": "Training the base model",
    "unlearn": "Unlearning",
    "reference": "Retraining the reference",
    "audit": "Attacking the finished run",
    "finish": "Writing the results",
}
STOPPED = {
    "class_rule": "unseen samples of the forgotten classes are classified no better than by chance (class rule)",
    "sample_rule": "forget samples are classified no better than unseen ones (sample rule)",
    "chance_rule": "the wrong labels are no more likely than chance (chance rule)",
    "max_rounds": "all rounds were run",
    "method_finished": "the method had nothing left to do",
    "collapse": "retain accuracy was in free fall (collapse guard)",
    "not_a_number": "the weights were no longer numbers; the last healthy round is kept",
}
SECONDS = {
    "train": "Training",
    "unlearn": "Unlearning",
    "evaluate": "Evaluation",
    "reference": "Reference",
    "audit": "Attacks",
}
HOME = home()

# The pages that show one run, by file name.
VIEWS = {
    "drift": ("Drift", ":material/scatter_plot:"),
    "confidence": ("Confidence", ":material/bar_chart:"),
    "similarity": ("Similarity", ":material/compare_arrows:"),
    "signals": ("Signal space", ":material/view_in_ar:"),
    "attack": ("Attack", ":material/policy:"),
}


def act(action, run_id: str) -> None:
    """Callback of an action button."""
    try:
        action(HOME, run_id)
    except UnlearnscopeError as error:
        say(error)


def actions(row: RunRow) -> None:
    """What can be done with the run in its present state."""
    run_id = row.run_id
    with st.container(horizontal=True, vertical_alignment="center"):
        if row.state in ACTIVE:
            st.button("Cancel", icon=":material/cancel:", key="cancel", on_click=act, args=(store.cancel, run_id))
        elif row.state in ("failed", "cancelled", "lost"):
            st.button(
                "Resume",
                icon=":material/resume:",
                key="resume",
                type="primary",
                on_click=act,
                args=(store.resume, run_id),
                help="Goes on after the last complete round.",
            )
        if st.button("Clone", icon=":material/content_copy:", key="clone", help="Fills the launch form with this run."):
            st.switch_page("launch.py", query_params={"clone": run_id})
        if row.state not in ACTIVE:
            st.button(
                "Delete",
                icon=":material/delete:",
                key="delete",
                on_click=delete_run,
                args=(run_id, row.title),
                help="Moves the run to the bin; you can undo it.",
            )
        if row.rounds:
            for page, (title, icon) in VIEWS.items():
                if st.button(title, icon=icon, key=f"to_{page}"):
                    st.switch_page(f"{page}.py", query_params={"run": run_id})


def time_left(row: RunRow) -> str:
    """Time left in words; an upper bound before unlearning has ended, since its rule may be met early."""
    if row.seconds_left is None:
        return ""
    if row.seconds_left < 1:
        return " · nearly done"
    sure = row.phase in ("reference", "audit", "finish")
    return f" · {'about' if sure else 'at most about'} {duration(row.seconds_left)} left"


def progress(row: RunRow) -> None:
    """Phase, share done and time left, as the worker reported them."""
    if row.state == "queued":
        note = f" {row.error}" if row.error else ""
        st.info(f"Waiting for a free place; it starts by itself.{note}", icon=":material/hourglass_empty:")
        return
    phase = PHASES.get(row.phase or "", "Starting")
    st.progress(row.fraction or 0.0, text=f"**{phase}**{time_left(row)}")
    latest = row.metrics or {}
    if latest:
        parts = [f"{METRICS[k].title} {metric_text(k, v)}" for k, v in latest.items() if k in METRICS and v is not None]
        st.caption(f"Round {row.rounds}: " + " · ".join(parts[:4]))


def failure(view: RunView) -> None:
    """Why the run failed and what would help."""
    error = view.error or {}
    st.error(error.get("message") or "The worker ended without saying why; see the log.", title="This run failed",
             icon=":material/error:")  # fmt: skip
    if error.get("hint"):
        st.info(error["hint"], icon=":material/lightbulb:")


def comparison_table(result: dict, task: str, kind: str) -> pd.DataFrame:
    """Metrics before, after and of the reference, with the difference after minus reference."""
    before, after = result["metrics"]["before"], result["metrics"]["after"]
    reference = result["metrics"].get("reference") or {}
    band = result.get("reference_band") or {}
    lines = []
    for key, metric in METRICS.items():
        if task not in metric.tasks or (before.get(key) is None and after.get(key) is None):
            continue
        line = {
            "Metric": metric.title_for(kind),
            "Before": metric_text(key, before.get(key)),
            "After": metric_text(key, after.get(key)),
        }
        if reference:
            mean, sd = band.get(key) or (reference.get(key), None)
            spread = f" ± {100 * sd:.1f}" if sd and metric.percent else (f" ± {sd:.3f}" if sd else "")
            line["Reference"] = metric_text(key, mean) + spread
            line["After − reference"] = difference_text(key, after.get(key), mean)
        lines.append(line)
    return pd.DataFrame(lines)


def measured_on(result: dict) -> str:
    """Which samples the table's numbers are measured on."""
    total, counts = result.get("forget_count", 0), result.get("counts", {})
    text = f"{total:,} samples were to be forgotten. Measured on " + ", ".join(
        f"{counts[group]:,} {group}" for group in ("forget", "retain", "unseen") if group in counts
    )
    return f"{text} samples: all but those that the stopping rule looks at."


def results(view: RunView) -> None:
    """The finished run's table, stopping reason and times."""
    result = view.result()
    if result is None:
        return
    task, kind = view.spec.task, objective(view.spec.train.objective).kind
    stopped = result.get("stopped_by") or ""
    why = STOPPED.get(stopped, stopped.replace("_", " "))
    rounds = result["rounds"]
    st.markdown(f":material/flag: Stopped after **{rounds} round{'' if rounds == 1 else 's'}**: {why}.")
    st.subheader("Before, after and reference", anchor=False)
    st.dataframe(
        comparison_table(result, task, kind),
        hide_index=True,
        height="content",
        alt="Metrics before and after unlearning and of the retrained reference",
    )
    references = len(view.references())
    st.caption(
        f"{measured_on(result)} "
        + (
            f"Reference: mean over {references} model{'s' if references != 1 else ''} retrained without them."
            if result["metrics"].get("reference")
            else "No reference was retrained: clone the run and ask for one to see how close it comes."
        )
    )
    with st.expander("What the metrics mean", icon=":material/help:"):
        st.markdown("\n".join(f"- **{m.title}**: {m.summary}" for m in METRICS.values() if m.exists(task, kind)))
    seconds = result.get("seconds", {})
    with st.grid(4, min_column_width=120):
        for key, label in SECONDS.items():
            cached = result.get("base_cached" if key == "train" else "reference_cached") and key in (
                "train",
                "reference",
            )
            if key in seconds:
                st.metric(label, duration(seconds[key]), border=True, help="Taken from the cache" if cached else None)


def details(view: RunView) -> None:
    """Everything the run was asked to do."""
    spec = view.spec
    st.json(spec.to_json(), expanded=1)
    result = view.result() or {}
    st.caption(f"Specification {spec.content_hash()[:12]} · weights {str(result.get('weights_sha256'))[:12]}")


def summary(spec: RunSpec, row: RunRow) -> str:
    """One line about what is run."""
    parts = [
        short(spec.data.dataset),
        spec.model.backbone,
        f"forget {short(spec.forget.select)}",
        row.method,
        f"seed {spec.seed}",
        *([f"group {spec.group}"] if spec.group else []),
    ]
    return " · ".join(parts)


def over_rounds(view: RunView, curves: RunCurves) -> None:
    """Accuracies over rounds, or what gives membership away."""
    chosen = st.segmented_control(
        "Curves",
        ["Accuracy", "Signals"],
        default="Accuracy",
        key="curve_kind",
        required=True,
        label_visibility="collapsed",
        help="Signals: what an attacker would look at to tell forget samples from unseen ones.",
    )
    trained = objective(view.spec.train.objective)
    if chosen == "Signals":
        draw_curves([curves], key="run_signals", panes=signal_panes([curves]))
        loss = "its own training's loss between two fixed views" if trained.self_supervised else "cross-entropy"
        unit = "from 0 to 4" if trained.id == "byol" else "in nats"
        st.caption(f"Means over forget and over unseen samples; where they meet, the forget set looks unseen. "
                   f"Loss: {loss}, {unit}.")  # fmt: skip
    else:
        draw_curves([curves], key="run_curves")
        if trained.self_supervised:
            st.caption("kNN: an encoder's class is the weighted vote of the 200 nearest retain samples, by cosine of "
                       "the trunk's features. Forget samples never vote.")  # fmt: skip


def live(run_id: str, was_active: bool) -> None:
    """State, progress and curves; drawn again by itself while the run is active."""
    view = open_run(HOME, run_id)
    row = view.row()
    if was_active and row.state not in ACTIVE:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(row.state)
        if row.demo:
            st.badge("demo", icon=":material/inventory_2:", color="gray", help="Ships with the project")
        times = []
        if row.started:
            took = (row.finished or time.time()) - row.started
            times.append(f"{'took' if row.finished else 'for'} {duration(took)}")
        if not row.demo:
            times.append(f"submitted {ago(row.submitted)}")
        st.caption(" · ".join(times))
    if row.state in ACTIVE:
        progress(row)
    elif row.state == "failed":
        failure(view)
    elif row.state == "lost":
        st.warning("Its worker vanished without a word; it is queued again by itself, or resume it now.",
                   icon=":material/help:")  # fmt: skip
    elif row.state == "cancelled":
        st.info("It was cancelled. Rounds that were complete stay readable.", icon=":material/cancel:")
    if curves := run_curves(view, row.title):
        over_rounds(view, curves)
    elif row.state in ACTIVE:
        st.caption("Curves appear with the first round.")


st.title("Run", anchor=False)
offer_undo()
view = pick_run(need_rounds=False)
row = view.row()
st.caption(summary(view.spec, row))
actions(row)
is_active = row.state in ACTIVE
st.fragment(run_every=REFRESH_SECONDS if is_active else None)(live)(row.run_id, is_active)
results(view)

log_box = st.expander("Log", icon=":material/terminal:", key="log_box", on_change="rerun")
if log_box.open:
    with log_box:
        text = view.log(LOG_BYTES)
        st.code(text or "The worker has written nothing yet.", language=None, height=320, wrap_lines=True)
details_box = st.expander("Settings", icon=":material/tune:", key="details_box", on_change="rerun")
if details_box.open:
    with details_box:
        details(view)
