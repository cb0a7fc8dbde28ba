"""Marks and the table of a selection, on numbers that are known beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cu_core.figures.attack_scores import Scored, score_bins, score_panes
from cu_core.figures.confidence_panes import SIGNALS, ConfidencePane, axis_of, common_bins, distributions
from cu_core.figures.selection_marks import MOST_MARKS, decided, decided_words, mark_scores, mark_selected, thin
from cu_core.figures.selection_table import Facts, facts_table

GROUPS = np.array(["forget"] * 3 + ["retain"] * 2)
VALUES = np.array([[1.0, 2, 3, 10, 20], [4.0, np.nan, 6, 10, 40]])


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
