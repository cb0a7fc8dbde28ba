"""The matrix of class similarities: right cells, own class framed, one range of colours."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.figures.class_similarity import Similarities, common_range, similarity_matrix, similarity_matrix_alt

CLASSES = ("cat", "dog", "owl")


def matrix(**cells: float) -> np.ndarray:
    found = np.full((3, 3), np.nan)
    for name, value in cells.items():
        found[int(name[1]), int(name[2])] = value
    return found


def test_cells_rows_and_columns_are_those_that_have_samples() -> None:
    pane = Similarities("Before", matrix(c10=0.2, c12=0.8))
    figure = similarity_matrix([pane], CLASSES, ends=(0, 1), rows_title="Forget class")
    heatmap, numbers = figure.data
    assert list(numbers.text) == ["0.20", "0.80"]
    np.testing.assert_allclose(heatmap.z, [[0.2, 0.8]])
    assert list(figure.layout.yaxis.ticktext) == ["dog"]
    assert figure.layout.xaxis.labelalias == {"0": "cat", "1": "owl"}
    assert figure.layout.annotations[-1].text == "Retained class" and figure.layout.yaxis.title.text == "Forget class"
    assert not figure.layout.shapes, "the own class is not among the retained ones"


def test_the_own_class_is_framed_in_every_pane() -> None:
    values = matrix(c00=0.9, c02=0.1, c20=0.3, c22=0.7)
    panes = [Similarities("Before", values), Similarities("Reference", values, "reference")]
    figure = similarity_matrix(panes, CLASSES, ends=(0, 1), rows_title="x")
    places = [(s.xref, round((s.x0 + s.x1) / 2), round((s.y0 + s.y1) / 2)) for s in figure.layout.shapes]
    assert places == [("x", 0, 0), ("x", 1, 1), ("x2", 0, 0), ("x2", 1, 1)]


def test_two_classes_of_one_name_stay_two_columns() -> None:
    figure = similarity_matrix(
        [Similarities("Before", matrix(c00=0.1, c01=0.2, c02=0.3))], ("a", "a", "a"), ends=(0, 1), rows_title="x"
    )
    assert list(figure.data[0].x) == [0, 1, 2]
    assert figure.layout.xaxis.labelalias == {"0": "a", "1": "a", "2": "a"}


def test_colours_span_all_moments_and_are_the_same_in_all_panes() -> None:
    ends = common_range([matrix(c00=0.93), matrix(c00=-0.21)])
    assert ends == pytest.approx((-0.3, 1.0))
    figure = similarity_matrix([Similarities("a", matrix(c00=0.93))], CLASSES, ends=ends, rows_title="x")
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == pytest.approx(ends)
    assert common_range([np.full((2, 2), np.nan)]) == (-1.0, 1.0)


def test_alt_text_gives_own_and_other_classes() -> None:
    text = similarity_matrix_alt([Similarities("Before", matrix(c00=0.9, c01=0.2, c02=0.4))])
    assert "before 0.90 with the own class and 0.30 with other classes" in text
    assert "none recorded" in similarity_matrix_alt([Similarities("Before", matrix())])
