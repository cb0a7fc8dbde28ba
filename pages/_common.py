"""What every page shares: the home, the run in the address, states in words, and formatting."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home, default_home
from cu_core.figures.curves import Pane, RunCurves, curves, curves_alt
from cu_core.figures.theme import chart_text
from cu_core.learning.objectives import objective
from cu_core.metrics import METRICS
from cu_core.runstore.reader import RunRow, RunView, list_runs, open_run
from pages import _gate
from pages._charts import bar
from pages._text import plain

ACTIVE = ("queued", "starting", "running")
# A longer table takes seconds to send and to draw; nobody reads it, and a search looks at all runs.
MOST_LISTED = 2000
# State: colour and icon of its badge. Colour never stands alone, the word is always beside it.
STATES = {
    "queued": ("gray", ":material/hourglass_empty:"),
    "starting": ("blue", ":material/start:"),
    "running": ("blue", ":material/play_arrow:"),
    "succeeded": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("orange", ":material/cancel:"),
    "lost": ("violet", ":material/help:"),
}

# What became of a run that left no round.
ENDED = {
    "succeeded": "recorded no round that can be shown",
    "failed": "failed before its first round",
    "cancelled": "was cancelled before its first round",
    "lost": "lost its worker before its first round",
}


def home() -> Home:
    """The home of this server, with its folders made."""
    return default_home().create()


def wanted_run() -> str | None:
    """Id of the run in the address, else of the one looked at last in this session."""
    return st.query_params.get("run") or st.session_state.get("last_run")


def pick_run(need_rounds: bool = True, label: str = "Run") -> RunView:
    """Draws the run picker and returns the picked run; ends the page in words where there is none.

    The address keeps the choice (``?run=ID``), so that a link, a reload or a new session shows the
    same run, and all pages about one run share it.

    Args:
        need_rounds: offer only runs that have recorded a round.
        label: of the picker.
    """
    if st.session_state.pop("to_runs", None):
        st.switch_page("runs.py")
    rows = {row.run_id: row for row in list_runs(home()) if not need_rounds or row.rounds}
    wanted = wanted_run()
    if wanted not in rows:
        addressed = st.query_params.get("run")
        if addressed:
            _explain_missing(addressed, need_rounds)
        elif not rows:
            empty_state(
                "Nothing to look at yet",
                "Runs appear here once they have recorded their first round.",
                "Launch a run",
                "launch.py",
            )
        # A wrong address shows no run at all rather than another one.
        wanted = None if addressed else next(iter(rows))
    # The address decides, also after a link or the back button; the widget follows.
    st.session_state["picked_run"] = wanted
    picked = st.selectbox(
        label,
        list(rows),
        format_func=lambda run_id: run_label(rows[run_id]),
        key="picked_run",
        on_change=_remember_pick,
        placeholder="Choose a run",
    )
    if picked is None:
        st.stop()
    remember_run(picked)
    try:
        view = open_run(home(), picked)
        _ = view.spec
    except UnlearnscopeError as error:
        st.error(plain(error), title="This run cannot be shown", icon=":material/error:")
        _gate.button(
            "Move it to the bin",
            "delete",
            rows[picked].owner,
            icon=":material/delete:",
            key="delete_damaged",
            on_click=delete_run,
            args=(picked, rows[picked].title),
        )
        st.stop()
    return view


def _remember_pick() -> None:
    if st.session_state["picked_run"]:
        remember_run(st.session_state["picked_run"])


def remember_run(run_id: str) -> None:
    """Puts the run into the address and into the session."""
    st.session_state["last_run"] = run_id
    if st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id


def _explain_missing(run_id: str, need_rounds: bool) -> None:
    try:
        view = open_run(home(), run_id)
    except UnlearnscopeError as error:
        st.warning(plain(error), title="This address names no run", icon=":material/link_off:")
        return
    if need_rounds:
        word = "is still at work; no round has been recorded yet" if view.state in ACTIVE else ENDED[view.state]
        st.info(f"It {word}.", title=plain(view.spec.title), icon=":material/hourglass_empty:")
        st.page_link("run.py", label="Follow this run", icon=":material/monitoring:", query_params={"run": run_id})


def empty_state(title: str, text: str, link: str, page: str) -> None:
    """Says in words why there is nothing to show and where to go; ends the page."""
    with st.container(border=True, horizontal_alignment="center"):
        st.subheader(title, anchor=False, text_alignment="center")
        st.caption(text, text_alignment="center")
        st.page_link(page, label=link, icon=":material/arrow_forward:")
    st.stop()


def run_label(row: RunRow) -> str:
    """One line that tells runs apart in a picker."""
    demo = "demo · " if row.demo else ""
    return f"{demo}{row.title} · seed {row.seed} · {row.state} · {row.run_id}"


def state_badge(state: str) -> None:
    """The state as a coloured word with an icon."""
    color, icon = STATES.get(state, ("gray", ":material/help:"))
    st.badge(state, color=color, icon=icon)  # type: ignore[arg-type]


def duration(seconds: float | None) -> str:
    """Seconds in words of at most two units; a dash where unknown, as after a clock was set back."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


# Clocks of machines that share a disk differ by this much without anybody having set one.
_SAME_MOMENT_SECONDS = 60.0


def ago(moment: float | None, now: float | None = None) -> str:
    """How long ago a unix time was; a dash where unknown, as where it lies ahead because a clock was set back."""
    if moment is None:
        return "–"
    passed = (time.time() if now is None else now) - moment
    if passed < -_SAME_MOMENT_SECONDS:
        return "–"
    return "just now" if passed < 5 else f"{duration(passed)} ago"


def file_size(size: float) -> str:
    """Bytes in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def metric_text(metric_id: str, value: float | None) -> str:
    """A metric's value as people read it: percent or three decimals; a dash where missing."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} %" if METRICS[metric_id].percent else f"{value:.3f}"


def difference_text(metric_id: str, value: float | None, other: float | None) -> str:
    """Difference of two values of a metric, in percentage points or plain; a dash where missing."""
    if value is None or other is None or not (math.isfinite(value) and math.isfinite(other)):
        return "–"
    change = value - other
    return f"{100 * change:+.1f} points" if METRICS[metric_id].percent else f"{change:+.3f}"


def say(error: UnlearnscopeError) -> None:
    """Shows an error on the next drawing, for callbacks."""
    st.toast(plain(error), icon=":material/error:", duration="long")


def delete_run(run_id: str, title: str) -> None:
    """Callback: moves a run to the bin, leads to the list, and lets `offer_undo` bring it back."""
    try:
        _gate.desk().delete(run_id)
    except UnlearnscopeError as error:
        say(error)
        return
    st.session_state["deleted_run"] = (run_id, title)
    st.session_state.pop("last_run", None)
    st.query_params.pop("run", None)
    st.session_state["to_runs"] = True


def offer_undo() -> None:
    """Offers to bring back the run that was deleted last in this session."""
    deleted = st.session_state.get("deleted_run")
    if deleted is None:
        return
    run_id, title = deleted
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/delete: **{plain(title)}** was moved to the bin.", width="stretch")
        if st.button("Undo", icon=":material/undo:", key="undo_delete"):
            st.session_state.pop("deleted_run")
            try:
                _gate.desk().restore(run_id)
            except UnlearnscopeError as error:
                st.error(plain(error), icon=":material/error:")
            else:
                st.switch_page("run.py", query_params={"run": run_id})
        if st.button("Dismiss", key="dismiss_delete", type="tertiary"):
            st.session_state.pop("deleted_run")
            st.rerun()


def run_curves(view: RunView, label: str) -> RunCurves | None:
    """What the curves need of a run; None before its first round."""
    rounds = view.rounds()
    if not rounds:
        return None
    references = [view.reference_manifest(seed) for seed in view.references()]
    kind = objective(view.spec.train.objective).kind
    return RunCurves.from_manifests(chart_text(label), [view.manifest(k) for k in rounds], references, kind)


def draw_curves(runs: list[RunCurves], key: str, panes: Sequence[Pane] | None = None) -> None:
    """Draws metrics over rounds of one or several runs, by default accuracies."""
    figure, words = _built_curves(repr((panes, [_content(run) for run in runs])), runs, panes)
    st.plotly_chart(figure, key=key, alt=words, config=bar())


@st.cache_resource(max_entries=64, show_spinner=False)
def _built_curves(content: str, _runs: list[RunCurves], _panes: Sequence[Pane] | None) -> tuple[go.Figure, str]:
    """The figure and its words; a class that watches one live run each second shares them, and nobody changes them."""
    return curves(_runs, _panes), curves_alt(_runs, _panes)


def _content(run: RunCurves) -> tuple[object, ...]:
    frames = (run.metrics, run.rule, run.reference)
    named = (run.label, run.objective, run.rule_name, dict(run.counts))
    return (*named, *(frame.to_dict("list") for frame in frames))


@st.cache_data(max_entries=16, show_spinner=False)
def cached_probe(root: str, run_id: str) -> pd.DataFrame:
    """The probe of a run, which never changes once written."""
    return open_run(home(), run_id).probe()


def probe_of(view: RunView, run_id: str) -> pd.DataFrame:
    """The probe table of a run, read once per server."""
    return cached_probe(str(home().root), run_id)
