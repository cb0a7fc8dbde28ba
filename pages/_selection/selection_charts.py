"""What is linked to the selection on the Drift page: signals over rounds, pictures, and a table in which to select."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from cu_core.analysis.recorded_signals import signal_of
from cu_core.analysis.scenes import boundary_of, boundary_unit, boundary_words
from cu_core.base.csv_cells import shown_table
from cu_core.catalogue.objective_record import objective
from cu_core.figures.linked_signals import TrackedSignal, pack_signals
from cu_core.figures.selection_table import Facts, facts_table
from cu_core.runstore.reader import RunView, open_run
from pages._selection.linked_board import linked_board
from pages._selection.selection_panel import SOURCE, course_of
from pages._selection.selection_state import follow, pick, selection_of
from pages._shared.downloads import table_downloads
from pages._shared.recorded_rounds import Stamp, class_names, probe_of, reference_stamp, stamp
from pages._shared.server_home import home


def linked_charts(view: RunView, rounds: list[int], seed: int | None, carried: Mapping[str, str]) -> None:
    """Draws pictures and curves of the selected samples; of all forget samples while nothing is selected.

    A selection that is made anywhere on the page shows here at once, without the server.

    Args:
        view: the run.
        rounds: its recorded rounds, ascending, beginning with 0.
        seed: of the reference to compare with; None for none.
        carried: stamps of the messages that the viewer reads.
    """
    message = _packed(str(home().root), view.run_id, stamp(view, rounds), reference_stamp(view, seed))
    if message is None:
        st.info("No signal of single samples was recorded in this run.", icon=":material/info:")
        return
    picked = selection_of(view)
    linked_board(
        message,
        key="linked",
        run_id=view.run_id,
        carried=carried,
        selected=picked.rows.tolist(),
        revision=picked.revision,
        on_pick=lambda rows, revision: follow(view.run_id, rows, SOURCE, revision=revision),
    )
    st.caption(
        "Line: median; band: the middle half; few samples are lines of their own. Dragging up or down at a round "
        "selects the samples between two values (Shift adds from all samples, Alt removes)."
        + (" Squares at “Ref.”: the same samples in the retrained model." if seed is not None else "")
        + _boundary_summary(view)
    )


def _boundary_summary(view: RunView) -> str:
    unit = boundary_unit(view)
    return " Below 0 a sample is beyond its decision boundary" + (f"; the unit is {unit}." if unit else ".")


def _signals(view: RunView, rounds: Stamp, reference: Stamp) -> list[TrackedSignal]:
    numbers = [number for number, _ in rounds]
    seed = reference[0][0] if reference else None
    title, axis = boundary_words(view)
    top = "output_top3" if view.spec.self_supervised else "top3"
    loss_words, _ = objective(view.spec.train.objective).loss_words
    top_axis = "Of the encoder's outputs" if view.spec.self_supervised else "Of the predicted class"
    found = []
    for blank, read in (
        (TrackedSignal("boundary", title, axis, (), np.empty((0, 0)), guide=0.0), boundary_of),
        (
            _named("cosine_to_start", "Cosine to round 0", "Cosine (1 = did not turn)"),
            _reader("cosine_to_start"),
        ),
        (_named(top, "Top-1 probability", top_axis), _reader(top)),
        (replace(_named("loss", "Loss", loss_words), log=not view.spec.self_supervised), _reader("loss")),
    ):
        arrays = {number: read(view, number) for number in numbers}
        known = {number: array for number, array in arrays.items() if array is not None}
        if known:
            retrained = None if seed is None else read(view, None, seed)
            values = np.stack([np.asarray(array, np.float32) for array in known.values()])
            found.append(replace(blank, rounds=tuple(known), values=values, reference=retrained))
    return found


def _named(name: str, title: str, axis: str) -> TrackedSignal:
    return TrackedSignal(name, title, axis, (), np.empty((0, 0)))


def _reader(name: str) -> Any:
    return lambda view, number, seed=None: signal_of(view, name, number, seed)


@st.cache_resource(max_entries=8, show_spinner=False)
def _packed(root: str, run_id: str, rounds: Stamp, reference: Stamp) -> bytes | None:
    view = open_run(home(), run_id)
    signals = _signals(view, rounds, reference)
    probe = probe_of(view)
    test = (probe["split"] == "test").to_numpy()
    return pack_signals(signals, probe["group"].to_numpy(), probe["sample"].to_numpy(), test) if signals else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _facts(root: str, run_id: str, rounds: Stamp, reference: Stamp, shown: int) -> Facts:
    view = open_run(home(), run_id)
    probe = probe_of(view)
    numbers = [number for number, _ in rounds]
    course = course_of(view, numbers)
    seed = reference[0][0] if reference else None
    first = numbers[0]
    predicted = {"before": course.predicted[first], "now": course.predicted[shown]}
    retrained = None if seed is None else signal_of(view, "top3_class", None, seed)
    if retrained is not None:
        predicted["reference"] = retrained
    distance = "Boundary" if boundary_unit(view) else boundary_words(view)[0]
    columns = {
        "Displacement": signal_of(view, "moved", shown),
        "Relative to neighbours": signal_of(view, "moved_relative", shown),
        "Cosine to round 0": signal_of(view, "cosine_to_start", shown),
        f"{distance} before": boundary_of(view, first),
        f"{distance} now": boundary_of(view, shown),
        "Loss before": signal_of(view, "loss", first),
        "Loss now": signal_of(view, "loss", shown),
    }
    return Facts(
        probe["sample"].to_numpy(),
        probe["split"].to_numpy(),
        course.groups,
        course.labels,
        {when: np.asarray(array).astype(np.int64) for when, array in predicted.items()},
        course.crossings(),
        {title: np.asarray(values) for title, values in columns.items() if values is not None},
    )


def listed_rows(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the table, and what to select when none of its lines is ticked any more.

    While the selection is that of the ticks, the table goes on listing what it did when they were made: otherwise the
    first tick would leave one line.
    """
    selected = selection_of(view).rows
    ticked = st.session_state.get(_ticked(view.run_id))
    if ticked is not None and np.array_equal(ticked["rows"], selected):
        return ticked["listed"], ticked["before"]
    if len(selected):
        return selected, selected
    return np.flatnonzero(probe_of(view)["group"].to_numpy() == "forget"), selected


def tick(run_id: str, key: str, listed: np.ndarray, before: np.ndarray) -> None:
    """Callback of the table: its ticked lines become the selection.

    Args:
        run_id: of the run.
        key: of the table.
        listed: rows that it lists.
        before: selected where no line is ticked.
    """
    places = st.session_state[key]["selection"]["rows"]
    rows = np.sort(listed[places]) if len(places) else before
    pick(run_id, rows, SOURCE)
    st.session_state[_ticked(run_id)] = {"rows": rows, "listed": listed, "before": before}


def _ticked(run_id: str) -> str:
    return f"ticked {run_id}"


def selected_table(view: RunView, rounds: list[int], shown: int, seed: int | None) -> None:
    """The selected samples, else all forget samples, as lines that can be ticked.

    Args:
        view: the run.
        rounds: its recorded rounds, ascending, beginning with 0.
        shown: the round that "now" means.
        seed: of the reference to compare with; None for none.
    """
    facts = _facts(str(home().root), view.run_id, stamp(view, rounds), reference_stamp(view, seed), shown)
    listed, before = listed_rows(view)
    table = facts_table(facts, listed, class_names(str(home().root), view.run_id))
    number = {title: st.column_config.NumberColumn(format="%.4g") for title in facts.numbers}
    key = f"selected_table {view.run_id} {hashlib.sha256(listed.tobytes()).hexdigest()[:12]}"
    st.dataframe(
        shown_table(table),
        hide_index=True,
        key=key,
        on_select=partial(tick, view.run_id, key, listed, before),
        selection_mode="multi-row",
        column_config={"Sample": st.column_config.NumberColumn(format="%d")} | number,
        height=min(38 + 35 * len(table), 388),
        placeholder="–",
        alt="What is known of each of these samples",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"“Now” is round {shown}. A click on a heading sorts; ticking lines selects these samples, also above. "
            "Displacement is the distance from round 0 in the full space.",
            width="stretch",
        )
        table_downloads(table, f"samples-{view.run_id}", "selected_table")
