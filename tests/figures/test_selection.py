"""Lines, marks and the table of a selection, on numbers that are known beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cu_core.figures.attack_scores import Scored, score_bins, score_panes
from cu_core.figures.confidence_panes import SIGNALS, ConfidencePane, axis_of, common_bins, distributions
from cu_core.figures.selection_marks import MOST_MARKS, decided, decided_words, mark_scores, mark_selected, thin
from cu_core.figures.selection_table import (
    MOST_SINGLE,
    Facts,
    TrackedSignal,
    facts_table,
    quartiles,
    signal_lines,
    signal_lines_alt,
)

GROUPS = np.array(["forget"] * 3 + ["retain"] * 2)
VALUES = np.array([[1.0, 2, 3, 10, 20], [4.0, np.nan, 6, 10, 40]])


def signal(**changes: object) -> TrackedSignal:
    return TrackedSignal("loss", "Loss", "nats", (0, 4), VALUES, **changes)  # type: ignore[arg-type]


def traces(figure: object, kind: str) -> dict[str, dict]:
    return {t.meta["group"]: t for t in figure.data if t.meta["kind"] == kind}  # type: ignore[attr-defined]


def test_medians_and_quartiles_of_each_selected_group() -> None:
    figure = signal_lines([signal()], GROUPS, np.array([0, 2, 4]), ["a", "b", "c"])
    median = traces(figure, "median")
    assert list(median) == ["forget", "retain"]
    np.testing.assert_allclose(median["forget"].y, [2, 5])
    np.testing.assert_allclose(median["forget"].customdata, [[1.5, 2.5], [4.5, 5.5]])
    assert (median["forget"].name, median["retain"].name) == ("Forget (n = 2)", "Retain (n = 1)")
    np.testing.assert_allclose(median["retain"].y, [20, 40])
    np.testing.assert_allclose(traces(figure, "band")["forget"].y, [1.5, 4.5, 5.5, 2.5])
    assert "median from 2 to 5 on 2 forget samples" in signal_lines_alt([signal()], GROUPS, np.array([0, 2, 4]))


def test_single_lines_are_named_and_apart() -> None:
    figure = signal_lines([signal()], GROUPS, np.array([0, 2, 4]), ["a", "b", "c"])
    single = traces(figure, "single")["forget"]
    assert list(single.x) == [0, 4, None, 0, 4, None] and list(single.text) == ["a"] * 3 + ["b"] * 3
    np.testing.assert_array_equal(single.y, [1, 4, np.nan, 3, 6, np.nan])
    many = np.zeros((2, MOST_SINGLE + 1))
    wide = TrackedSignal("x", "X", "x", (0, 1), many)
    groups = np.array(["forget"] * many.shape[1])
    assert not traces(signal_lines([wide], groups, np.arange(MOST_SINGLE + 1), ["s"] * 51), "single")
    assert traces(signal_lines([wide], groups, np.arange(MOST_SINGLE), ["s"] * 50), "single")


def test_the_reference_stands_beside_the_last_round() -> None:
    figure = signal_lines([signal(reference=np.array([7.0, 8, 9, 1, 3]))], GROUPS, np.arange(5), list("abcde"))
    reference = traces(figure, "reference")
    assert reference["forget"].y == (8.0,) and reference["retain"].y == (2.0,) and reference["retain"].x[0] > 4
    assert list(figure.layout.xaxis.ticktext) == ["0", "4", "Ref."]


def test_a_logarithmic_axis_has_no_zero_and_a_guide_its_line() -> None:
    zero = TrackedSignal("loss", "Loss", "nats", (0,), np.zeros((1, 5)), log=True, guide=0.5)
    figure = signal_lines([zero], GROUPS, np.arange(5), list("abcde"))
    assert figure.layout.yaxis.type == "log" and min(traces(figure, "median")["forget"].y) > 0
    assert [shape.y0 for shape in figure.layout.shapes] == [0.5]


def test_quartiles_leave_out_what_is_unknown() -> None:
    values = np.array([[1.0, np.nan, 3.0, 5.0], [np.nan] * 4])
    np.testing.assert_allclose(quartiles(values)[:, 0], np.percentile([1, 3, 5], [25, 50, 75]))
    assert np.isnan(quartiles(values)[:, 1]).all()
    assert quartiles(np.empty((2, 0))).shape == (3, 2)


def test_the_table_lists_rows_in_the_given_order() -> None:
    facts = Facts(
        np.arange(100, 105),
        np.array(["train"] * 5),
        GROUPS,
        np.array([0, 1, 1, 0, 1]),
        {"before": np.array([0, 1, 1, 0, 1]), "now": np.array([1, 1, -1, 0, 7])},
        np.array([4, -1, 2, -1, -1]),
        {"Loss now": VALUES[1]},
    )
    table = facts_table(facts, np.array([4, 0, 2]), ("cat", "<dog>"))
    assert table["Sample"].tolist() == [104, 100, 102] and table["Group"].tolist() == ["Retain", "Forget", "Forget"]
    assert table["Predicted before"].tolist() == ["‹dog›", "cat", "‹dog›"]
    assert table["Predicted now"].tolist() == ["7", "‹dog›", "–"]
    assert table["First crossed in round"].tolist() == [pd.NA, 4, 2]
    np.testing.assert_allclose(table["Loss now"], [40, 4, 6])


def moment(values: np.ndarray) -> ConfidencePane:
    return ConfidencePane("Round 3", GROUPS, values)


@pytest.mark.parametrize("overlaid", [True, False])
def test_selected_samples_are_marked_at_their_values(overlaid: bool) -> None:
    signal, panes = SIGNALS["probability"], [moment(np.array([0.1, 0.2, np.nan, 0.4, 0.5]))]
    edges = common_bins(signal, [panes[0].values])
    figure = distributions(signal, panes, edges, top=1.0, overlaid=overlaid)
    before = len(figure.data)
    mark_selected(figure, panes, np.array([1, 0, 1, 0, 1], bool), axis_of(signal, edges), top=1.0, overlaid=overlaid)
    marks = figure.data[before:]
    assert [(m.meta["selected"], list(m.x)) for m in marks] == [("forget", [0.1]), ("retain", [0.5])]
    assert [m.showlegend for m in marks] == [True, False]
    assert (marks[0].yaxis == marks[1].yaxis) == overlaid, "each group has its own pane, or one for all"


def test_of_many_samples_an_even_part_is_marked() -> None:
    values = np.arange(1000.0)
    assert len(thin(values, MOST_MARKS)) == MOST_MARKS and thin(values, 3).tolist() == [0, 500, 999]
    assert thin(values[:5], 5).tolist() == [0, 1, 2, 3, 4]


def test_decisions_are_counts_and_need_no_other_side() -> None:
    pane = Scored("after", "transferred", np.array([0.9, 0.1, 0.5]), np.array([True, True, False]), 0.5)
    assert decided(pane, 0.5) == (1, 2, 1, 1)
    alone = Scored("after", "transferred", np.array([0.9, 0.1]), np.array([True, True]), 0.5)
    assert decided(alone, 0.5) == (1, 2, 0, 0)
    assert decided_words([alone], 0.5) == "After, transferred: 1 of 2 members are judged members."


def test_scores_of_selected_samples_are_marked_by_side() -> None:
    pane = Scored("after", "transferred", np.array([0.9, 0.1, 0.5, 9.0]), np.array([1, 1, 0, 0], bool), 0.5)
    edges = np.linspace(0, 1, 11)
    figure = score_panes([pane], score_bins([pane.score]), 0.5, "score")
    before = len(figure.data)
    mark_scores(figure, [pane], np.array([1, 2, 3]), edges)
    assert [(m.meta["selected"], list(m.x)) for m in figure.data[before:]] == [
        ("forget", [0.1]),
        ("unseen", [0.5, 1.0]),
    ]
