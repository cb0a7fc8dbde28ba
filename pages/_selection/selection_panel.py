"""The widgets of the Drift page that select samples: presets with counts, confusions, search, neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cu_core.analysis.picking import HOW, PRESETS, Course, by_class, by_pair, combine, invert, preset, with_neighbours
from cu_core.analysis.sample_search import SEARCHES, search
from cu_core.analysis.scenes import recorded_array
from cu_core.base.display_text import cut
from cu_core.base.errors import BadInput
from cu_core.figures.theme import GROUPS, TITLES, class_name
from cu_core.runstore.reader import RunView, open_run
from pages._selection.forget_instead import forget_instead
from pages._selection.selection_state import Picked, clear, counts_words, many, pick, selection_of
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import Stamp, class_names, probe_of, signal_by_round, stamp
from pages._shared.server_home import home

SOURCE = "Drift"
ANY = -1
NOTE = "selection_note"
MOST_NEIGHBOURS = 50


@st.cache_resource(max_entries=8, show_spinner=False)
def _course(root: str, run_id: str, rounds: Stamp) -> Course:
    view = open_run(home(), run_id)
    probe = probe_of(view)
    numbers = [number for number, _ in rounds]
    return Course(
        probe["group"].to_numpy(),
        probe["label"].to_numpy(),
        {k: np.asarray(v) for k, v in signal_by_round(view, "top3_class", numbers).items()},
        {k: np.asarray(v) for k, v in signal_by_round(view, "boundary", numbers).items()},
        {k: np.asarray(v) for k, v in signal_by_round(view, "moved", numbers).items()},
    )


def course_of(view: RunView, rounds: list[int]) -> Course:
    """What the presets look at, read once per run and recorded rounds; shared, so it must not be changed."""
    return _course(str(home().root), view.run_id, stamp(view, rounds))


@st.cache_data(max_entries=32, show_spinner=False)
def _counts(root: str, run_id: str, rounds: Stamp, shown: int) -> dict[str, int]:
    course = _course(root, run_id, rounds)
    return {name: len(preset(name, course, shown)) for name in PRESETS}


def selection_panel(view: RunView, rounds: list[int], shown: int) -> Picked:
    """Draws everything that selects samples without pointing at them; see `cu_core.analysis.picking` for what is meant.

    Args:
        view: the run.
        rounds: its recorded rounds, ascending, beginning with 0.
        shown: the round that presets and predictions are about.

    Returns:
        The selection as it is now. Every widget changes it in a callback, so whatever is drawn in the same run sees
        the new one, also above the panel.
    """
    probe = probe_of(view)
    with st.container(horizontal=True, vertical_alignment="center", key="selection_panel"):
        words, buttons = st.container(width="stretch"), st.container(horizontal=True, width="content")
    with buttons, st.popover("Choose samples", icon=":material/filter_alt:", key="choose_samples"):
        how = st.segmented_control(
            "A new choice is to",
            list(HOW),
            format_func=HOW.__getitem__,
            default="replace",
            required=True,
            key="pick_how",
            persist_state="session",
        )
        _presets(view, rounds, shown, how)
        _filters(view, probe, rounds, shown, how)
        _search(view, how)
    return _state(view, probe, shown, words, buttons)


def _take(view: RunView, rows: np.ndarray, how: str) -> None:
    """Callback's end: joins what was chosen with what is selected."""
    pick(view.run_id, combine(selection_of(view).rows, rows, how), SOURCE)


def _use_preset(run_id: str, name: str, rounds: list[int], shown: int, how: str) -> None:
    view = open_run(home(), run_id)
    _take(view, preset(name, course_of(view, rounds), shown), how)


def _presets(view: RunView, rounds: list[int], shown: int, how: str) -> None:
    counts = _counts(str(home().root), view.run_id, stamp(view, rounds), shown)
    with st.container(horizontal=True, gap="small"):
        for name, found in PRESETS.items():
            st.button(
                f"{found.title.format(round=shown)} ({counts[name]:,})",
                key=f"pick_{name}",
                help=found.summary,
                disabled=not counts[name],
                on_click=_use_preset,
                args=(view.run_id, name, rounds, shown, how),
            )


def _matching(view: RunView, rounds: list[int], shown: int) -> np.ndarray:
    """Rows that the three pickers name."""
    course = course_of(view, rounds)
    group, label, taken_for = (
        st.session_state.get(f"pick_{name} {view.run_id}") for name in ("group", "class", "predicted")
    )
    rows = np.arange(len(course.labels))
    if label is not None and label != ANY and taken_for is not None and taken_for != ANY:
        rows = by_pair(course.labels, course.predicted[shown], label, taken_for)
    elif label is not None and label != ANY:
        rows = by_class(course.labels, [label])
    elif taken_for is not None and taken_for != ANY:
        rows = np.flatnonzero(course.predicted[shown] == taken_for)
    return rows if group in (None, "all") else rows[course.groups[rows] == group]


def _use_filters(run_id: str, rounds: list[int], shown: int, how: str) -> None:
    view = open_run(home(), run_id)
    _take(view, _matching(view, rounds, shown), how)


def _filters(view: RunView, probe: pd.DataFrame, rounds: list[int], shown: int, how: str) -> None:
    names = class_names(str(home().root), view.run_id)
    course = course_of(view, rounds)
    labels = [int(label) for label in np.unique(course.labels)]
    # Of all rounds, so that a choice is kept when the round changes.
    taken = sorted({int(label) for predicted in course.predicted.values() for label in np.unique(predicted)})
    common: dict[str, Any] = {"persist_state": "session", "width": 200}

    def name_of(label: int) -> str:
        return "Any" if label == ANY else class_name(names, label)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Group",
            ["all", *(group for group in GROUPS if (probe["group"] == group).any())],
            format_func=lambda group: TITLES.get(group, "All"),
            key=f"pick_group {view.run_id}",
            **common,
        )
        st.selectbox(
            "Class as labelled", [ANY, *labels], format_func=name_of, key=f"pick_class {view.run_id}", **common
        )
        st.selectbox(
            f"Predicted in round {shown}",
            [ANY, *taken],
            format_func=name_of,
            key=f"pick_predicted {view.run_id}",
            **common,
        )
        found = len(_matching(view, rounds, shown))
        st.button(
            f"Select these ({found:,})",
            key="pick_matching",
            disabled=not found,
            on_click=_use_filters,
            args=(view.run_id, rounds, shown, how),
        )


def _use_search(run_id: str, how: str) -> None:
    text = st.session_state["pick_search"]
    if not text.strip():
        return
    view = open_run(home(), run_id)
    probe = probe_of(view)
    columns = (probe["sample"].to_numpy(), (probe["split"] == "test").to_numpy(), probe["label"].to_numpy())
    try:
        found = search(text, *columns, class_names(str(home().root), run_id))
    except BadInput as error:
        allowed = f" Try: {'; '.join(error.allowed)}." if error.allowed else ""
        st.session_state[NOTE] = (f"{error.reason[:1].upper()}{error.reason[1:]}.{allowed}", True)
        return
    _take(view, found.rows, how)
    if found.missing:
        st.session_state[NOTE] = (f"Not among the recorded samples: {cut(', '.join(found.missing), 400)}.", False)


def _search(view: RunView, how: str) -> None:
    st.text_input(
        "Search",
        key="pick_search",
        placeholder="17, 20-25   ·   test:17   ·   class:cat   ·   part of a class's name, * for any letters",
        help=f"Samples by number (of the training or the test images) or by class: {'; '.join(SEARCHES)}.",
        on_change=_use_search,
        args=(view.run_id, how),
    )
    if note := st.session_state.pop(NOTE, None):
        words, wrong = note
        (st.error if wrong else st.info)(plain(words), icon=":material/search_off:")


def _invert(run_id: str) -> None:
    view = open_run(home(), run_id)
    pick(run_id, invert(selection_of(view).rows, len(probe_of(view))), SOURCE)


def _add_neighbours(run_id: str, shown: int) -> None:
    view = open_run(home(), run_id)
    embedding = recorded_array(view, "embedding", shown)
    if embedding is not None:
        count = int(st.session_state["pick_neighbours"])
        pick(run_id, with_neighbours(embedding, selection_of(view).rows, count), SOURCE)


def _state(view: RunView, probe: pd.DataFrame, shown: int, words: DeltaGenerator, buttons: DeltaGenerator) -> Picked:
    picked = selection_of(view)
    with words:
        if picked:
            counted = counts_words(probe["group"].to_numpy()[picked.rows])
            st.markdown(f":material/lasso_select: **{many(len(picked.rows))}** selected: {counted}.")
        else:
            st.caption("Nothing is selected, so the charts below are of all forget samples.")
    with buttons:
        with st.popover("Nearest neighbours", icon=":material/hub:", disabled=not picked):
            st.number_input(
                "Neighbours of each selected sample", 1, MOST_NEIGHBOURS, 5, key="pick_neighbours", width=260
            )
            st.button(
                "Select them as well",
                key="pick_near",
                on_click=_add_neighbours,
                args=(view.run_id, shown),
                help=f"The nearest other samples by cosine of the embeddings of round {shown}, in the full space.",
            )
        forget_instead(view, picked.rows)
        st.button("Invert", key="pick_invert", icon=":material/flip:", on_click=_invert, args=(view.run_id,))
        st.button(
            "Clear",
            key="pick_clear",
            icon=":material/close:",
            disabled=not picked,
            on_click=clear,
            args=(view.run_id,),
        )
    return picked
