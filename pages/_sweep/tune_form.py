"""A new tuning: methods, setting and budget, what it would take, and the button that queues its trials."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cu_core.analysis.tuning.own_setting import REFERENCES, SEED, class_names
from cu_core.analysis.tuning.trial_results import trials_of
from cu_core.analysis.tuning.tuning_plan import TRIALS, Tuning, begun, drawn, fitting_methods, remember_tuning
from cu_core.base.display_text import counted
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.method_record import METHODS, methods_here
from cu_core.catalogue.presets import single_presets
from cu_core.catalogue.search_space import axes_of
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import dispatcher
from cu_core.jobs.drawn_beside import draw_beside
from pages._frame import gate
from pages._launch.run_cost import takes
from pages._shared.plain_text import plain
from pages._shared.server_home import home

OPEN = "tuning"
"""Of the address: the tuning that is shown."""


def key_of(name: str) -> str:
    """Key of the widget that holds a field of the form."""
    return f"tune:{name}"


def new_tuning() -> None:
    """The form, what it would queue, and the button."""
    verdict = gate.allowed("launch")
    if not verdict:
        st.caption(f":material/lock: {plain(verdict.reason)}")
        return
    reported = _setting()
    reasons = fitting_methods(reported, list(methods_here()))
    fitting = [name for name, reason in reasons.items() if reason is None and axes_of(METHODS[name])]
    kept = st.session_state.get(key_of("methods")) or [reported.method.id]
    st.session_state[key_of("methods")] = [name for name in kept if name in fitting]
    chosen = st.multiselect(
        "Methods to tune",
        fitting,
        format_func=lambda name: METHODS[name].title,
        key=key_of("methods"),
        persist_state="session",
        select_all=False,
        help="Each gets the same number of trials. Methods without anything to tune are not listed.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        trials = st.number_input(
            "Trials of each",
            1,
            500,
            TRIALS,
            key=key_of("trials"),
            persist_state="session",
            width=140,
            help="The first has the values that the method starts from now.",
        )
        seed = st.number_input(
            "Seed of tuning",
            0,
            2**31 - 1,
            SEED,
            key=key_of("seed"),
            persist_state="session",
            width=140,
            help="Of base model, references and draws of the trials; never that of what is reported.",
        )
        references = st.number_input(
            "References", 1, 20, REFERENCES, key=key_of("reference"), persist_state="session", width=130
        )
        forget = st.text_input(
            "Forget set of the trials (optional)",
            key=key_of("on"),
            persist_state="session",
            width=260,
            placeholder="another draw, or the next class",
        )
    try:
        own: dict[str, Any] = {"seed": int(seed), "forget": forget.strip(), "references": int(references)}
        names = class_names(reported, home())
        tunings = [begun(reported, name, trials=int(trials), classes=names, **own) for name in chosen]
        for tuning in tunings:
            gate.desk().check(tuning.base)
    except UnlearnscopeError as error:
        st.markdown(f":red[:material/error: {plain(error)}]")
        return
    if not tunings:
        st.caption("Choose at least one method.")
        return
    st.caption(_apart(tunings[0]))
    takes([tuning.specs[0] for tuning in tunings for _ in range(tuning.trials)], key="measure_tuning")
    count = sum(tuning.trials for tuning in tunings)
    if st.button(f"Queue {counted(count, 'trial')}", key="queue_tuning", type="primary", icon=":material/tune:"):
        with st.spinner("Drawing the trials …"):
            _queue(tunings)


def queue_trials(tuning: Tuning) -> int:
    """Queues the trials that are neither over nor on their way; returns how many there are.

    Raises:
        UnlearnscopeError: a run that cannot be queued.
    """
    desk, queued = gate.desk(), 0
    for trial in trials_of(tuning, home()):
        if trial.ended or trial.state in ("queued", "starting", "running"):
            continue
        spec = tuning.spec(trial.values)
        if trial.row is None or not gate.allowed("resume", trial.row.owner):
            desk.launch(spec, token=f"{tuning.group}-{spec.content_hash()}")
        else:
            desk.resume(trial.row.run_id)
        queued += 1
    if queued:
        dispatcher.ensure_dispatcher(home())
    return queued


def _setting() -> RunSpec:
    chosen = st.selectbox(
        "Setting that the values are for",
        list(single_presets()),
        format_func=lambda name: single_presets()[name].title,
        key=key_of("preset"),
        persist_state="session",
        help="Its forget set and seed are kept for results: no trial sees them. Other settings: unlearnscope tune.",
    )
    return single_presets()[chosen].spec


def _apart(tuning: Tuning) -> str:
    base, reported = tuning.base, tuning.reported
    return (
        f"Tuned on {plain(base.forget.select)} with seed {base.seed}, beside {base.reference} retrained models; kept "
        f"for results: {plain(reported.forget.select)} with seed {reported.seed}, and every other seed."
    )


def _queue(tunings: list[Tuning]) -> None:
    try:
        gate.desk().require("launch")
        for number, tuning in enumerate(tunings):
            planned = drawn(tuning, home(), draw_beside)
            remember_tuning(planned, home())
            queue_trials(planned)
            if number == 0:
                st.query_params[OPEN] = planned.name
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.rerun()
