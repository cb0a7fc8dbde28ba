"""Tuning on the sweep page: a new one, how far those are that were begun, and what to do with what they found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from cu_core.analysis.tuning.trial_results import Trial, best_of, trials_of, waiting
from cu_core.analysis.tuning.tuned_record import recipe_of
from cu_core.analysis.tuning.tuning_plan import Tuning, recall_tuning, stored_tunings
from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.named_recipes import keep_recipe
from cu_core.catalogue.search_space import axes_of
from cu_core.catalogue.spec import MethodSpec
from cu_core.figures.tuning_scatter import TriedAxis, TriedValues, tuning_alt, tuning_scatter
from pages._frame import gate
from pages._frame.notices import say
from pages._launch import form_state, recipe_choice
from pages._shared import chart_bar
from pages._shared.downloads import table_downloads
from pages._shared.plain_text import plain
from pages._shared.run_states import ACTIVE
from pages._shared.server_home import home
from pages._sweep.tune_form import OPEN, new_tuning, queue_trials

LAUNCH = "launch.py"


def section(refresh_seconds: float) -> None:
    """All of it; folded away unless a tuning is shown."""
    wanted = st.query_params.get(OPEN)
    shown = recall_tuning(home(), wanted) if wanted else None
    with st.expander("Tune", icon=":material/tune:", expanded=bool(wanted)):
        st.caption(
            "Draws hyper-parameters of a method at random, tries them on samples and a seed that no result is reported "
            "on, and keeps those that come nearest to retraining as a recipe."
        )
        if wanted and shown is None:
            st.warning(f"No tuning named {plain(repr(wanted))} was begun here.", icon=":material/link_off:")
        new_tuning()
        _open_one(wanted)
        if shown is not None:
            live = any(trial.state in ACTIVE for trial in trials_of(shown, home()))
            st.fragment(run_every=refresh_seconds if live else None)(_progress)(shown, live)


def _open_one(wanted: str | None) -> None:
    stored = stored_tunings(home())
    if not stored:
        return
    st.session_state["tuning_shown"] = wanted if wanted in stored else None
    st.selectbox(
        "Tuning shown below", stored, key="tuning_shown", on_change=_to_address, placeholder="Open an earlier tuning"
    )


def _to_address() -> None:
    if picked := st.session_state.get("tuning_shown"):
        st.query_params[OPEN] = picked
    else:
        st.query_params.pop(OPEN, None)


def _progress(tuning: Tuning, was_live: bool) -> None:
    """How far a tuning is; its last trial's end draws the page once more."""
    trials = trials_of(tuning, home())
    if was_live and not any(trial.state in ACTIVE for trial in trials):
        st.rerun()
    over, best = [trial for trial in trials if trial.ended], best_of(trials)
    st.progress(
        len(over) / len(trials), f"{METHODS[tuning.method].title}: {len(over)} of {counted(len(trials), 'trial')} over"
    )
    st.caption(
        f"On {plain(tuning.base.forget.select)} with seed {tuning.base.seed}; kept for results: "
        f"{plain(tuning.reported.forget.select)} with seed {tuning.reported.seed}, and every other seed."
    )
    table = table_of(tuning, trials)
    st.dataframe(
        shown_table(table),
        hide_index=True,
        placeholder="–",
        alt="Trials with the values that were drawn, distance to retraining and what it consists of",
    )
    with st.container(horizontal=True):
        table_downloads(table, "tuning", "tuning")
        _buttons(tuning, trials, best)
    if over:
        _figure(tuning, over, best)


def table_of(tuning: Tuning, trials: Sequence[Trial]) -> pd.DataFrame:
    """The trials as a table."""
    axes, best = axes_of(method(tuning.method)), best_of(trials)
    rows = []
    for trial in trials:
        gap = trial.judged.gap if trial.judged is not None else None
        row: dict[str, object] = {"Trial": f"{trial.number}{' ★' if trial is best else ''}"}
        row |= {axis.label: trial.values[axis.name] for axis in axes}
        row["Distance"] = None if trial.distance is None else round(trial.distance, 4)
        row |= {f"Gap {part}": round(value, 3) for part, value in (gap.parts if gap else {}).items()}
        row["Seconds"] = round(trial.judged.seconds, 1) if trial.judged is not None else None
        row["State"] = "not queued" if trial.row is None else trial.state
        row["Why"] = trial.reason or (trial.judged.stopped_by if trial.judged is not None else "")
        rows.append(row)
    return pd.DataFrame(rows)


def _figure(tuning: Tuning, over: Sequence[Trial], best: Trial | None) -> None:
    axes = axes_of(method(tuning.method))
    tried = [TriedValues(t.number, {a.name: t.values[a.name] for a in axes}, t.distance) for t in over]
    nearest = best.number if best is not None else None
    among = best.judged.among if best is not None and best.judged is not None else ()
    figure = tuning_scatter([TriedAxis(a.name, a.label, a.log) for a in axes], tried, best=nearest, among=among)
    chart_bar.show_chart(figure, key="tuning_chart", alt=tuning_alt(tried, nearest))
    if among:
        st.caption(f"Dashed: the farthest that a retrained model is from the others, {max(among):.3f}.")


def _buttons(tuning: Tuning, trials: Sequence[Trial], best: Trial | None) -> None:
    todo = [trial for trial in waiting(tuning, trials) if trial.state not in (*ACTIVE, "queued")]
    if todo:
        words = f"Queue the {len(todo)} that are missing"
        gate.button(words, "launch", key="queue_trials", icon=":material/replay:", on_click=_again, args=(tuning,))
    if best is None or waiting(tuning, trials):
        return
    if gate.button("Use these values", "launch", key="use_tuned", icon=":material/rocket_launch:", type="primary"):
        try:
            gate.desk().require("launch")
            keep_recipe(recipe_of(tuning, trials), home())
        except UnlearnscopeError as error:
            say(error)
            return
        params = method(tuning.method).params(**best.values)
        st.session_state[recipe_choice.KEY] = tuning.name
        form_state.fill(dataclasses.replace(tuning.reported, method=MethodSpec(tuning.method, params)))
        st.switch_page(LAUNCH)


def _again(tuning: Tuning) -> None:
    try:
        queue_trials(tuning)
    except UnlearnscopeError as error:
        say(error)
