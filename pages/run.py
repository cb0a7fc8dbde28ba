"""One run: progress while it works, curves, before and after beside the reference, and what can be done with it."""

from __future__ import annotations

import time

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.spec import RunSpec, short
from cu_core.figures.curves import RunCurves, signal_panes
from cu_core.learning.objectives import objective
from cu_core.metrics import METRICS
from cu_core.runstore.reader import RunRow, RunView, open_run
from pages import _gate
from pages._common import (
    ACTIVE,
    ago,
    delete_run,
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
from pages._outcome import results
from pages._text import plain

REFRESH_SECONDS = 2.0
LOG_BYTES = 20_000
PHASES = {
    "prepare": "Preparing the dataset",
    "train": "Training the base model",
    "unlearn": "Unlearning",
    "reference": "Retraining the reference",
    "audit": "Attacking the finished run",
    "finish": "Writing the results",
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


def act(action: str, run_id: str) -> None:
    """Callback of an action button: cancel or resume."""
    desk = _gate.desk()
    try:
        (desk.cancel if action == "cancel" else desk.resume)(run_id)
    except UnlearnscopeError as error:
        say(error)


def actions(row: RunRow) -> None:
    """What can be done with the run in its present state."""
    run_id = row.run_id
    with st.container(horizontal=True, vertical_alignment="center"):
        if row.state in ACTIVE:
            _gate.button(
                "Cancel", "cancel", row.owner, icon=":material/cancel:", key="cancel", on_click=act,
                args=("cancel", run_id),
            )  # fmt: skip
        elif row.state in ("failed", "cancelled", "lost"):
            _gate.button(
                "Resume",
                "resume",
                row.owner,
                icon=":material/resume:",
                key="resume",
                type="primary",
                on_click=act,
                args=("resume", run_id),
                help="Goes on after the last complete round.",
            )
        clone_help = "Fills the launch form with this run."
        if _gate.button("Clone", "launch", icon=":material/content_copy:", key="clone", help=clone_help):
            st.switch_page("launch.py", query_params={"clone": run_id})
        if row.state not in ACTIVE:
            _gate.button(
                "Delete",
                "delete",
                row.owner,
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
        note = f" {plain(row.error)}" if row.error else ""
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
    message = plain(error.get("message") or "The worker ended without saying why; see the log.")
    st.error(message, title="This run failed",
             icon=":material/error:")  # fmt: skip
    if error.get("hint"):
        st.info(plain(error["hint"]), icon=":material/lightbulb:")


def details(view: RunView) -> None:
    """Everything the run was asked to do."""
    spec = view.spec
    st.json(spec.to_json(), expanded=1)
    result = view.result() or {}
    st.caption(f"Specification {spec.content_hash()[:12]} · weights {plain(str(result.get('weights_sha256'))[:12])}")


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
            if took >= 0:  # the clock may have been set back meanwhile
                times.append(f"{'took' if row.finished else 'for'} {duration(took)}")
        if not row.demo:
            by = f" by {plain(row.owner)}" if row.owner else ""
            times.append(f"submitted {ago(row.submitted)}{by}")
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
st.caption(plain(summary(view.spec, row)))
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
