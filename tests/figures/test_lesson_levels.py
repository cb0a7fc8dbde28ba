"""The chart of a lesson: measured marks, the band, the guess as a ghost; and the bars of an audience."""

from __future__ import annotations

from cu_core.figures.lesson_levels import LevelRow, add_guess, answer_bars, levels, levels_alt
from cu_core.figures.theme import COLOURS, NEUTRAL

ROWS = (
    LevelRow("Before", (1.0,), "forget", hollow=True),
    LevelRow("After", (0.1,), "forget"),
    LevelRow("Retrained", (0.0, 0.02), "reference", low=0.0, high=0.05),
)


def test_the_guess_is_a_dashed_line_that_no_measured_mark_looks_like() -> None:
    without = levels(ROWS, "Accuracy", percent=True)
    figure = levels(ROWS, "Accuracy", percent=True, guess=0.4)
    (line,) = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert (line.x0, line.x1, line.line.dash, line.line.color) == (0.4, 0.4, "dash", NEUTRAL)
    assert [a.text for a in figure.layout.annotations] == ["Your answer: 40 %"]
    assert [shape.type for shape in without.layout.shapes] == ["rect"] and not without.layout.annotations
    assert NEUTRAL not in {trace.marker.color for trace in figure.data}


def test_every_retrained_model_is_a_mark_of_its_own_and_the_band_lies_behind() -> None:
    figure = levels(ROWS, "Accuracy", percent=True)
    assert list(figure.data[2].x) == [0.0, 0.02]
    (band,) = figure.layout.shapes
    assert (band.x0, band.x1) == (0.0, 0.05)
    assert figure.data[0].marker.symbol == "x-open" and figure.data[1].marker.color == COLOURS["forget"]


def test_numbers_that_are_no_shares_have_an_axis_that_holds_them_all() -> None:
    figure = levels((LevelRow("After", (4.0,), "forget"),), "Margin", percent=False, guess=9.0)
    low, high = figure.layout.xaxis.range
    assert low < 4.0 and high > 9.0


def test_a_guess_lies_across_curves_too() -> None:
    figure = levels(ROWS, "Accuracy", percent=True)
    add_guess(figure, 0.3, percent=True, upright=False)
    assert figure.layout.shapes[-1].y0 == 0.3


def test_the_words_say_what_the_picture_shows() -> None:
    words = levels_alt(ROWS, "Accuracy", percent=True, guess=0.4)
    assert words == "Accuracy. Before 100 %, After 10 % and Retrained 0 % to 2 %. Your answer: 40 %."


def test_the_right_answer_is_the_bar_in_full_colour() -> None:
    figure = answer_bars(("a", "b"), (3, 0), 0)
    assert figure.data[0].marker.color[0] == COLOURS["retain"] != figure.data[0].marker.color[1]
    assert list(figure.data[0].text) == ["3", ""]
