"""What is linked to the selection on the Drift page: signals over rounds, pictures, and a table in which to select."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from cu_core.analysis.recorded_signals import signal_of
from cu_core.analysis.scenes import boundary_of, boundary_unit, boundary_words
from cu_core.base.csv_cells import shown_table
from cu_core.catalogue.objective_record import objective
from cu_core.figures.selection_table import (
    MOST_SINGLE,
    Facts,
    TrackedSignal,
    facts_table,
    signal_lines,
    signal_lines_alt,
)
from cu_core.runstore.reader import RunView, open_run
from pages._selection.selection_panel import SOURCE, course_of
from pages._selection.selection_state import counts_words, many, pick, selection_of
from pages._selection.thumbnail_sheet import MOST_PICTURES, picture_sheet
from pages._shared.chart_bar import bar
from pages._shared.downloads import table_downloads
from pages._shared.recorded_rounds import Stamp, class_names, probe_of, reference_stamp, stamp
from pages._shared.server_home import home


def linked_charts(view: RunView, rounds: list[int], shown: int, seed: int | None) -> None:
    """Draws everything that follows the selection; of all forget samples while nothing is selected.

    Call it after the viewer and the panel that selects. What a run recorded is read once per
    server, so a new selection only slices it.

    Args:
        view: the run.
        rounds: its recorded rounds, ascending, beginning with 0.
        shown: the round that "now" means in the table.
        seed: of the reference to compare with; None for none.
    """
    probe = probe_of(view)
    groups = probe["group"].to_numpy()
    rows = selection_of(view).rows
    chosen = bool(len(rows))
    if not chosen:
        rows = np.flatnonzero(groups == "forget")
    listed = f": {counts_words(groups[rows])}" if chosen else ""
    what = (f"The {many(len(rows), 'selected')}" if chosen else f"All {many(len(rows), 'forget')}") + listed
    st.header(f"The {'selected' if chosen else 'forget'} samples over the rounds", anchor=False)
    _lines(view, rounds, seed, groups, rows, what)
    _pictures(view, rows)
    _table(view, rounds, shown, seed)


def _boundary_summary(view: RunView) -> str:
    unit = boundary_unit(view)
    return "Below 0 a sample is beyond its decision boundary" + (f"; the unit is {unit}." if unit else ".")


def _loss_words(view: RunView) -> str:
    if not view.spec.self_supervised:
        return "Cross-entropy of the label (nats)"
    trained = objective(view.spec.train.objective)
    return f"{trained.title} loss of two views" + (" (nats)" if trained.temperature else "")


@st.cache_resource(max_entries=8, show_spinner=False)
def _signals(root: str, run_id: str, rounds: Stamp, reference: Stamp) -> list[TrackedSignal]:
    view = open_run(home(), run_id)
    numbers = [number for number, _ in rounds]
    seed = reference[0][0] if reference else None
    title, axis = boundary_words(view)
    top = "output_top3" if view.spec.self_supervised else "top3"
    top_axis = "Of the encoder's outputs" if view.spec.self_supervised else "Of the predicted class"
    found = []
    for blank, read in (
        (TrackedSignal("boundary", title, axis, (), np.empty((0, 0)), guide=0.0), boundary_of),
        (
            _named("cosine_to_start", "Cosine to round 0", "Cosine (1 = did not turn)"),
            _reader("cosine_to_start"),
        ),
        (_named(top, "Top-1 probability", top_axis), _reader(top)),
        (replace(_named("loss", "Loss", _loss_words(view)), log=not view.spec.self_supervised), _reader("loss")),
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


def _lines(view: RunView, rounds: list[int], seed: int | None, groups: np.ndarray, rows: np.ndarray, what: str) -> None:
    signals = _signals(str(home().root), view.run_id, stamp(view, rounds), reference_stamp(view, seed))
    if not signals:
        st.info("No signal of single samples was recorded in this run.", icon=":material/info:")
        return
    probe = probe_of(view).iloc[rows]
    names = [f"{split} sample {sample}" for split, sample in zip(probe["split"], probe["sample"], strict=True)]
    st.plotly_chart(
        signal_lines(signals, groups, rows, names),
        key="selected_lines",
        alt=signal_lines_alt(signals, groups, rows),
        config=bar(),
    )
    st.caption(
        f"{what}. Line: median; band: the middle half. Up to {MOST_SINGLE} samples are drawn as lines of their own."
        + (" Squares at “Ref.”: the same samples in the retrained model." if seed is not None else "")
        + (f" {_boundary_summary(view)}" if signals[0].id == "boundary" else "")
    )


def _pictures(view: RunView, rows: np.ndarray) -> None:
    drawn = rows[:MOST_PICTURES]
    sheet = picture_sheet(str(home().root), view.run_id, tuple(drawn.tolist()))
    if sheet is None:
        st.caption("The images themselves are not on this machine; they appear once a run has prepared the dataset.")
        return
    probe = probe_of(view).iloc[drawn]
    listed = ", ".join(f"{split} {sample}" for split, sample in zip(probe["split"], probe["sample"], strict=True))
    some = f"The first {len(drawn):,} of {many(len(rows))}. " if len(drawn) < len(rows) else ""
    st.image(sheet.png, width=sheet.width, alt=f"Pictures of samples: {listed}")
    st.caption(f"{some}Number: place in the training images, with “t” before it in the test images.")


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


def _table(view: RunView, rounds: list[int], shown: int, seed: int | None) -> None:
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
        alt="What is known of each of these samples",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"“Now” is round {shown}. A click on a heading sorts; ticking lines selects these samples, also above. "
            "Displacement is the distance from round 0 in the full space.",
            width="stretch",
        )
        table_downloads(table, f"samples-{view.run_id}", "selected_table")
