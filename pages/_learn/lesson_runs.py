"""Which run a step shows: a recorded one, or one that is made while people watch."""

from __future__ import annotations

import dataclasses
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from cu_core.analysis.lesson_facts import facts_of, recorded_run
from cu_core.analysis.sweeps.cost import shared_estimate
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.installation import dashboard_folder
from cu_core.catalogue.lessons.lesson_reader import shipped_folder
from cu_core.catalogue.lessons.lesson_record import Lesson, LessonRun
from cu_core.catalogue.lessons.lesson_words import Fact
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.spec import RunSpec
from cu_core.data.prepared import open_prepared
from cu_core.jobs.lesson_delivery import deliver, lacking
from cu_core.runstore.reader import RunRow, RunView, list_runs, open_run
from pages._frame import gate
from pages._frame.notices import say
from pages._shared.number_words import duration, roughly
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import class_names
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home

log = logging.getLogger("unlearnscope")

DEMOS = dashboard_folder() / "assets" / "demo"
LIVE = "learn_live"
MOST_WAITING = 10
"""Beyond so many runs in the queue no time is said."""

PHASES = {
    "prepare": "Preparing the images",
    "train": "Training the model",
    "unlearn": "Unlearning, round by round",
    "reference": "Retraining without the forgotten images",
    "audit": "Attacking the model",
    "verdict": "Asking for the verdict",
    "finish": "Writing the results",
}


@dataclass(frozen=True)
class ChosenRun:
    """What stands for a run of a lesson now.

    Attributes:
        wanted: the run of the lesson.
        view: the run on this machine; None where there is none.
        live: whether it was made in this session.
    """

    wanted: LessonRun
    view: RunView | None
    live: bool

    @property
    def active(self) -> bool:
        """Whether it is still being made."""
        return self.view is not None and self.view.state in ACTIVE


def chosen_runs(lesson: Lesson, audited: bool) -> dict[str, ChosenRun]:
    """What stands for each run of a lesson: the one made live, if one was, else a recorded one.

    Args:
        lesson: the lesson.
        audited: whether the step needs attacks or a verdict, which quick live runs leave out.
    """
    rows = list_runs(home())
    return {name: _chosen(lesson, name, audited, rows) for name in lesson.runs}


def _chosen(lesson: Lesson, name: str, audited: bool, rows: list[RunRow]) -> ChosenRun:
    wanted = lesson.runs[name]
    live = st.session_state.get(LIVE, {}).get((lesson.id, name))
    if live:
        try:
            view = open_run(home(), live)
            if not audited or view.spec.audit.verdict:
                return ChosenRun(wanted, view, True)
        except UnlearnscopeError:
            # It was deleted meanwhile.
            stop_live(lesson.id, name)
    found = recorded_run(home(), wanted, rows)
    return ChosenRun(wanted, open_run(home(), found) if found else None, False)


def facts_of_run(chosen: ChosenRun) -> dict[str, Fact]:
    """What may be said of it; nothing while it is made or missing."""
    if chosen.view is None or chosen.active:
        return {}
    return _facts(str(home().root), chosen.view.run_id, chosen.view.state)


@st.cache_data(ttl=30, max_entries=32, show_spinner=False)
def _facts(root: str, run_id: str, state: str) -> dict[str, Fact]:
    return facts_of(open_run(home(), run_id), class_names(root, run_id))


def facts_for(runs: Mapping[str, ChosenRun], name: str) -> dict[str, Fact]:
    """What a step of a run may say: of that run by its facts' names, of the lesson's others behind their ids."""
    facts: dict[str, Fact] = {}
    for other, chosen in runs.items():
        found = facts_of_run(chosen)
        facts |= {f"{other}/{key}": fact for key, fact in found.items()}
        facts |= found if other == name else {}
    return facts


def way_of(wanted: LessonRun, audited: bool) -> RunSpec | None:
    """How it is made here: the first way whose images lie prepared on this machine, else the last.

    Args:
        wanted: run of the lesson.
        audited: whether attacks and a verdict are needed; then all is made as long as the preset asks for.
    """
    ready = (way for way in wanted.live if open_prepared(way.spec.data, home()) is not None)
    way = next(ready, wanted.live[-1] if wanted.live else None)
    if way is None or not audited:
        return way.spec if way else None
    usual = PRESETS[way.preset].spec
    return dataclasses.replace(
        way.spec,
        audit=usual.audit,
        reference=usual.reference,
        train=usual.train,
        stop=usual.stop,
        probe=usual.probe,
    )


def source_line(lesson: Lesson, chosen: ChosenRun, audited: bool) -> None:
    """Says whether what is shown is recorded or live, and offers the other."""
    name, way = chosen.wanted.id, way_of(chosen.wanted, audited)
    label = "Run it live, with attacks and verdict" if audited else "Run it live"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if chosen.view is None:
            st.badge("No recorded run", icon=":material/videocam_off:", color="gray")
            st.caption(f"{plain(chosen.wanted.title)}: no run of this kind is here.{' Run it live.' if way else ''}")
            if (shipped_folder() / f"{lesson.id}.yaml").exists() and lacking(home(), DEMOS):
                gate.button(
                    "Bring back the recorded runs", "launch", key="bring_back", type="tertiary",
                    icon=":material/restore_from_trash:", on_click=_bring_back,
                )  # fmt: skip
        elif chosen.live:
            words = "Live on this machine" if chosen.active else "Run live in this session"
            st.badge(words, icon=":material/sensors:", color="green")
            st.caption(plain(chosen.view.row().title))
        else:
            day = time.strftime("%d %B %Y", time.localtime(chosen.view.row().submitted)).lstrip("0")
            st.badge(f"Recorded on {day}", icon=":material/videocam:", color="blue")
            st.caption(plain(chosen.view.row().title))
        if chosen.live and not chosen.active:
            st.button(
                "Show the recorded one", key=f"recorded_{name}", type="tertiary", icon=":material/videocam:",
                on_click=stop_live, args=(lesson.id, name),
            )  # fmt: skip
        elif way is not None and not chosen.live and gate.allowed("launch"):
            gate.button(
                label, "launch", key=f"live_{name}", type="tertiary", icon=":material/sensors:",
                on_click=start_live, args=(lesson.id, name, way),
            )  # fmt: skip
            st.caption(_long(way))


def _long(spec: RunSpec) -> str:
    """About how long a live run takes, with what waits before it."""
    before = [row.run_id for row in list_runs(home()) if row.state in ACTIVE]
    queue = f"with the {len(before)} {'run' if len(before) == 1 else 'runs'} before it" if before else ""
    try:
        specs = [*(open_run(home(), run_id).spec for run_id in before[:MOST_WAITING]), spec]
        known = shared_estimate(specs, home()).expected if len(before) <= MOST_WAITING else None
    except UnlearnscopeError:
        known = None
    if known is None:
        return f"how long is not known yet{f', {queue}' if queue else ''}"
    return f"about {roughly(known)}{f', {queue}' if queue else ''}"


def deliver_recorded() -> None:
    """Gives a home that began before the lesson its recorded runs, once; a home that cannot take them goes without."""
    try:
        deliver(home(), DEMOS)
    except (OSError, UnlearnscopeError):
        log.warning("The recorded runs of the lessons could not be installed", exc_info=True)


def _bring_back() -> None:
    """Callback: installs the recorded runs that were deleted."""
    try:
        gate.desk().bring_back(DEMOS)
    except UnlearnscopeError as error:
        say(error)


def start_live(lesson_id: str, name: str, spec: RunSpec) -> None:
    """Callback: queues a run and shows it from now on."""
    try:
        run_id = gate.desk().launch(spec, token=uuid.uuid4().hex)
    except UnlearnscopeError as error:
        say(error)
        return
    st.session_state.setdefault(LIVE, {})[(lesson_id, name)] = run_id


def stop_live(lesson_id: str, name: str) -> None:
    """Callback: shows the recorded run again; the live one stays among the runs."""
    st.session_state.get(LIVE, {}).pop((lesson_id, name), None)


def progress_of(view: RunView) -> None:
    """How far a live run is."""
    row = view.row()
    if row.state == "queued":
        st.progress(0.0, text="Waiting for a free place; it starts by itself.")
        return
    left = "" if row.seconds_left is None else f" · at most about {duration(max(row.seconds_left, 1.0))} left"
    st.progress(row.fraction or 0.0, text=f"**{PHASES.get(row.phase or '', 'Starting')}**{left}")


def failure_of(view: RunView) -> None:
    """Why a live run ended without a result."""
    error = view.error or {}
    st.error(plain(error.get("message") or f"The run {view.state}."), icon=":material/error:")
