"""Prediction matrix: counts as scikit-learn counts them, common colours, diagonal on demand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from cu_core.figures.class_matrix import (
    Predictions,
    count_predictions,
    highest_count,
    prediction_alt,
    prediction_matrix,
)

NAMES = ("ant", "bee", "cat")
BEFORE = np.array([[5, 0, 0], [0, 0, 0], [1, 0, 8]])
AFTER = np.array([[0, 4, 1], [0, 0, 0], [0, 0, 9]])


def panes() -> list[Predictions]:
    return [Predictions("Before", BEFORE, "before"), Predictions("Reference", AFTER, "reference")]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=100))
def test_counts_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    true, predicted = np.array(pairs).T
    expected = confusion_matrix(true, predicted, labels=range(5))
    np.testing.assert_array_equal(count_predictions(true, predicted.astype(np.int16), 5), expected)


def test_missing_predictions_are_left_out() -> None:
    assert count_predictions(np.array([0, 1]), np.array([-1, 1]), 2).tolist() == [[0, 0], [0, 1]]


def test_panes_share_one_range_of_colours() -> None:
    most = highest_count([BEFORE, AFTER], hide_diagonal=False)
    assert most == 9
    figure = prediction_matrix(panes(), NAMES, most=most, rows_title="True class")
    assert {t.coloraxis for t in figure.data if t.type == "heatmap"} == {"coloraxis"}
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 9)


def test_hiding_the_diagonal_leaves_confusions_and_rescales() -> None:
    assert highest_count([BEFORE, AFTER], hide_diagonal=True) == 4
    figure = prediction_matrix(panes(), NAMES, most=4, rows_title="True class", hide_diagonal=True)
    np.testing.assert_array_equal(np.nan_to_num(figure.data[0].z), [[0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(np.nan_to_num(figure.data[1].z), [[0, 4, 1], [0, 0, 0]])
    assert highest_count([np.eye(3, dtype=int)], hide_diagonal=True) == 1


def test_only_classes_with_samples_have_a_row_and_every_class_a_column() -> None:
    figure = prediction_matrix(panes(), NAMES, most=9, rows_title="True class")
    assert list(figure.data[0].y) == ["ant", "cat"]
    assert list(figure.data[0].x) == list(NAMES)
    for axis in figure.select_xaxes():
        assert tuple(axis.range) == (-0.5, 2.5)


def test_numbers_stand_in_for_names_that_are_unknown() -> None:
    figure = prediction_matrix(panes(), (), most=9, rows_title="True class")
    assert list(figure.data[0].y) == ["0", "2"]


@pytest.mark.parametrize(("classes", "numbers"), [(3, True), (40, False)])
def test_cells_carry_numbers_while_there_is_room(classes: int, numbers: bool) -> None:
    counts = np.eye(classes, dtype=int)
    figure = prediction_matrix(
        [Predictions("x", counts)], [str(i) for i in range(classes)], most=1, rows_title="True class"
    )
    assert any(trace.text is not None for trace in figure.data) is numbers
    assert figure.layout.height < 800


def test_alt_text_counts_the_diagonal() -> None:
    assert "13 of 14 on the diagonal before" in prediction_alt(panes())


def test_panes_of_runs_that_know_unlike_many_classes_stand_side_by_side():
    panes = [Predictions("small", np.array([[1, 2], [0, 3]])), Predictions("large", np.eye(3, dtype=int))]
    figure = prediction_matrix(panes, (), most=3, rows_title="True class")
    assert [trace.z.shape for trace in figure.data if trace.type == "heatmap"] == [(3, 3), (3, 3)]
    assert np.nansum(figure.data[0].z) == 6 and np.nansum(figure.data[1].z) == 3
