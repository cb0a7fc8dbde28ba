"""The free end of a lesson: a method, a forget set and how long, on small images, run here and looked at."""

from __future__ import annotations

import dataclasses
import uuid

import streamlit as st

from cu_core.analysis.recorded_signals import curves_of
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.lessons.lesson_record import ShownPart
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.recipes import unlearning_recipe
from cu_core.catalogue.selections import task_of
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.catalogue.spec_parts import ForgetSpec
from cu_core.catalogue.spec_recording import StopSpec
from cu_core.data.prepared import open_prepared
from cu_core.runstore.reader import RunView, open_run
from pages._frame import gate
from pages._frame.notices import say
from pages._frame.page_links import link_to
from pages._learn.lesson_parts import Drawn, draw_part
from pages._learn.lesson_place import Place
from pages._learn.lesson_runs import ChosenRun, facts_of_run, failure_of, progress_of
from pages._shared.plain_text import plain
from pages._shared.run_curves import draw_curves
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home

TRIED = "learn_sandbox"
REFRESH_SECONDS = 2.0
OFFERED = ("contrastive", "gradient_ascent", "random_label", "finetune", "output_filter")
"""Methods that differ from each other in what they do wrong."""

CLASSES = {"digit-5": ("class:5", "class:0", "class:1", "random:100", "random:20"),
           "emoji-flags": ("class:Flags", "class:Activities", "random:100", "random:20")}  # fmt: skip
NAMES = {"digit-5": "Digits", "emoji-flags": "Emoji"}
ROUNDS = (0, 1, 2, 5, 10, 20)
"""That are offered; 0 leaves the end to the stopping rule."""

REFERENCES = 2
"""As many as show that retrained models differ, in as little time as there is."""


def small(preset: str, select: str, method_id: str, rounds: int) -> RunSpec:
    """A run of a few seconds: no attacks, no verdict, few references.

    Args:
        preset: whose images, network and training are taken.
        select: the forget set.
        method_id: of the method.
        rounds: most rounds; 0 leaves that to the stopping rule.
    """
    base = PRESETS[preset].spec
    params = unlearning_recipe(method_id, base.data.dataset, base.model.backbone, task_of(select))
    return dataclasses.replace(
        base,
        forget=ForgetSpec(select),
        method=MethodSpec(method_id, params),
        stop=StopSpec(rule="none", max_rounds=rounds) if rounds else StopSpec(),
        probe=dataclasses.replace(base.probe, tsne=False),
        audit=dataclasses.replace(base.audit, attacks="none", verdict=False),
        reference=REFERENCES,
        name="",
    )


def sandbox(place: Place) -> None:
    """Draws the controls, and what the last run made of them."""
    ready = [name for name in CLASSES if name == "digit-5" or open_prepared(PRESETS[name].spec.data, home())]
    with st.container(border=True):
        with st.grid(4, min_column_width=200):
            preset = ready[0]
            if len(ready) > 1:
                preset = st.selectbox("Images", ready, format_func=NAMES.__getitem__, key="try_images")
            select = st.selectbox("Forget", CLASSES[preset], format_func=_said, key="try_forget")
            offered = [m for m in OFFERED if task_of(select) in METHODS[m].tasks]
            method_id = st.selectbox("By", offered, format_func=lambda m: METHODS[m].title, key="try_method")
            rounds = st.selectbox("For", ROUNDS, format_func=_long, key="try_rounds")
        st.caption(plain(METHODS[method_id].summary))
        gate.button(
            "Run it", "launch", key="try_it", type="primary", icon=":material/play_arrow:", on_click=_launch,
            args=(preset, select, method_id, rounds),
        )  # fmt: skip
    run_id = st.session_state.get(TRIED)
    if run_id:
        _outcome(place, run_id)


def _said(select: str) -> str:
    kind, _, value = select.partition(":")
    return f"the class {value}" if kind == "class" else f"{value} random images"


def _long(rounds: int) -> str:
    return f"{rounds} {'round' if rounds == 1 else 'rounds'}" if rounds else "as long as the rule says"


def _launch(preset: str, select: str, method_id: str, rounds: int) -> None:
    """Callback: queues the run."""
    try:
        spec = small(preset, select, method_id, rounds)
        check(spec)
        st.session_state[TRIED] = gate.desk().launch(spec, token=uuid.uuid4().hex)
    except BadInput as error:
        say(error)
    except UnlearnscopeError as error:
        say(error)


def _outcome(place: Place, run_id: str) -> None:
    try:
        view = open_run(home(), run_id)
    except UnlearnscopeError:
        st.session_state.pop(TRIED, None)
        return
    st.badge("Live on this machine", icon=":material/sensors:", color="green")
    if view.state in ACTIVE:
        watch(run_id, "try")
        return
    if view.result() is None:
        failure_of(view)
        return
    facts = facts_of_run(ChosenRun(next(iter(place.lesson.runs.values())), view, True))
    metrics = tuple(m for m in ("forget_acc", "test_acc", "forget_loss") if f"{m}.after" in facts)
    for part in (ShownPart("before-after", metrics=metrics), ShownPart("curves"), ShownPart("boundary")):
        draw_part(Drawn(part, view, facts, None, "", place.text_size, f"try_{part.part}"))
    link_to("run", "Everything about this run", run=run_id)


def watch(run_id: str, key: str, *, curves: bool = True) -> None:
    """Progress and curves of a live run, drawn again by themselves; the whole page once it has ended.

    Args:
        run_id: of the run.
        key: of the chart.
        curves: whether they are shown; where an answer is still to come they would give it away.
    """
    st.fragment(run_every=REFRESH_SECONDS)(_watch)(run_id, key, curves)


def _watch(run_id: str, key: str, curves: bool) -> None:
    gate.check_again()
    try:
        view: RunView = open_run(home(), run_id)
    except UnlearnscopeError:
        st.rerun()
    if view.state not in ACTIVE:
        st.rerun()
    progress_of(view)
    if not curves:
        st.caption("Lock in your answer; then the curves appear while the run goes on.")
        return
    found = curves_of(view, view.row().title)
    if found is not None:
        draw_curves([found], key=f"{key}_live_curves")
