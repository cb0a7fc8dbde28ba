"""How far a run is: state, phase and time left, why it failed, and its curves so far."""

from __future__ import annotations

import time

import streamlit as st

from cu_core.analysis.recorded_signals import curves_of
from cu_core.base.display_text import counted
from cu_core.catalogue.method_record import method
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.objective_record import objective
from cu_core.figures.curves import RunCurves, signal_panes
from cu_core.runstore.reader import RunRow, RunView
from pages._shared.number_words import ago, duration, metric_text
from pages._shared.plain_text import plain
from pages._shared.run_curves import draw_curves
from pages._shared.run_states import ACTIVE

PHASES = {
    "prepare": "Preparing the dataset",
    "train": "Training the base model",
    "unlearn": "Unlearning",
    "reference": "Retraining the reference",
    "audit": "Attacking the finished run",
    "verdict": "Asking for the verdict",
    "shadows": "Training and unlearning shadow models",
    "finish": "Writing the results",
}
GIVEN = PHASES | {"train": "Reading the model before", "unlearn": "Looking at the rounds"}


def time_left(row: RunRow) -> str:
    """Time left in words; an upper bound before unlearning has ended, since its rule may be met early."""
    if row.seconds_left is None:
        return ""
    if row.seconds_left < 1:
        return " · nearly done"
    # A rule that compares with references has them trained before the first round.
    sure = row.phase in ("audit", "verdict", "shadows", "finish") or (row.phase == "reference" and row.rounds > 0)
    return f" · {'about' if sure else 'at most about'} {duration(row.seconds_left)} left"


def progress(row: RunRow, *, given: bool = False) -> None:
    """Phase, share done and time left, as the worker reported them; of a model unlearned elsewhere with its words."""
    if row.state == "queued":
        note = f" {plain(row.error)}" if row.error else ""
        st.info(f"Waiting for a free place; it starts by itself.{note}", icon=":material/hourglass_empty:")
        return
    phase = (GIVEN if given else PHASES).get(row.phase or "", "Starting")
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
    reported = ((view.result() or {}).get("counts") or {}).get("forget")
    if (drawn := curves.counts.get("forget")) and isinstance(reported, int) and reported != drawn:
        followed = counted(drawn, "recorded forget sample")
        st.caption(f"The curves follow {followed}; the table below measures {reported:,}.")


def _when(row: RunRow) -> list[str]:
    """How long the run took or has been at work, and when it was submitted by whom."""
    times = []
    if row.started:
        took = (row.finished or time.time()) - row.started
        if took >= 0:  # the clock may have been set back meanwhile
            at_work = f"at work for {duration(took)}" if row.state in ACTIVE else f"began {ago(row.started)}"
            times.append(f"took {duration(took)}" if row.finished else at_work)
    if not row.demo:
        by = f" by {plain(row.owner)}" if row.owner else ""
        when = ago(row.submitted)
        times.append(f"submitted {when}{by}" if when != "–" else f"submitted{by}, nothing tells when")
    return times


def run_state(view: RunView) -> None:
    """How far a run is, and its curves; its state stands in the head."""
    row = view.row()
    if times := _when(row):
        st.caption(" · ".join(times))
    if row.state in ACTIVE:
        progress(row, given=method(view.spec.method.id).from_files)
    elif row.state == "failed":
        failure(view)
    elif row.state == "lost":
        st.warning("Its worker vanished without a word; it is queued again by itself, or resume it now.",
                   icon=":material/help:")  # fmt: skip
    elif row.state == "cancelled":
        st.info("It was cancelled. Rounds that were complete stay readable.", icon=":material/cancel:")
    if curves := curves_of(view, row.title):
        over_rounds(view, curves)
    elif row.state in ACTIVE:
        st.caption("Curves appear with the first round.")
