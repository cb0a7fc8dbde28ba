"""Rows of a verdict: where marks lie, what is clipped and said to be, and what the words for it tell."""

from __future__ import annotations

import math

import pytest

from cu_core.figures.verdict_rows import (
    DECADES,
    END,
    VerdictRow,
    beyond,
    number_text,
    place_of,
    row_of_test,
    verdict_alt,
    verdict_rows,
)
from tests.madeup_claims import madeup_test


def row(value: float | None = 5.0, **changes: object) -> VerdictRow:
    found = row_of_test(madeup_test(value, **changes), "Remembers")
    assert found is not None
    return found


def trace(figure: object, name: str) -> object:
    (found,) = [t for t in figure.data if t.name == name]  # type: ignore[attr-defined]
    return found


def test_the_axis_is_linear_in_the_band_and_logarithmic_beyond_it() -> None:
    assert [place_of(d) for d in (0.0, 0.5, -1.0, 1.0)] == [0.0, 0.5, -1.0, 1.0]
    for power in range(1, DECADES + 1):
        assert place_of(10**power) == pytest.approx(1 + power) == -place_of(-(10**power))
    assert place_of(7.0) == pytest.approx(1 + math.log(7) / math.log(10))
    assert place_of(1e9) == END and not beyond(10**DECADES) and beyond(-(10**DECADES) * 1.01)
    # It goes on without a jump where the one ends and the other begins.
    assert place_of(1 + 1e-9) == pytest.approx(1.0)


def test_distances_are_in_half_widths_of_the_band_around_the_mean() -> None:
    found = row(4.0, null_low=2.0, null_high=3.0, references=[2.4, 2.6])
    assert found.distance(4.0) == pytest.approx(3.0) and found.distance(2.0) == pytest.approx(-1.0)


def test_a_band_that_is_cut_off_ends_there_and_its_other_side_is_the_measure() -> None:
    found = row(0.9, null_low=0.96, null_high=1.0, references=[0.98, 1.0], detectable=0.06)
    assert found.distance(0.96) == pytest.approx(-1.0) and found.distance(0.9) == pytest.approx(-3.0)
    (band,) = [shape for shape in verdict_rows([found]).layout.shapes if shape.type == "rect"]
    assert band.x0 == pytest.approx(-1.0) and band.x1 == pytest.approx(1 / 3)
    assert found.where(0.999) == "inside the band" and found.where(0.9) == "3 half widths below the mean"
    # A number above the band is not inside it, although it is nearer to the mean than the band's lower end.
    assert row(1.0, null_low=0.9, null_high=0.95, references=[0.95, 0.95]).where(0.96).endswith("above the mean")


def test_marks_lie_where_their_numbers_are_and_name_themselves() -> None:
    figure = verdict_rows([row(5.0)])
    references = trace(figure, "Retrained models")
    assert len(references.x) == 8 and max(abs(x) for x in references.x) <= 1  # type: ignore[attr-defined]
    this, before = trace(figure, "This model"), trace(figure, "Before unlearning")
    assert this.x[0] == pytest.approx(place_of(5.0)) and before.x[0] == pytest.approx(place_of(8.0))  # type: ignore
    assert "This model" in this.text[0] and "5" in this.text[0]  # type: ignore[attr-defined]
    # Shape, side of the line and name tell them apart, not colour alone.
    assert this.marker.symbol != before.marker.symbol and this.y[0] > before.y[0]  # type: ignore[attr-defined]
    assert "Planted difference" in {t.name for t in verdict_rows([row(planted=True)]).data}


@pytest.mark.parametrize(("value", "arrow"), [(5000.0, "right"), (-5000.0, "left")])
def test_what_lies_beyond_the_axis_is_an_arrow_at_its_end_and_says_so(value: float, arrow: str) -> None:
    this = trace(verdict_rows([row(value)]), "This model")
    assert abs(this.x[0]) == END and arrow in this.marker.symbol  # type: ignore[attr-defined]
    assert "beyond the end of the axis" in this.customdata[0]  # type: ignore[attr-defined]
    assert "5,000" in this.text[0]  # type: ignore[attr-defined]
    inside = trace(verdict_rows([row(value / 10)]), "This model")
    assert "beyond" not in inside.customdata[0] and arrow not in inside.marker.symbol  # type: ignore[attr-defined]


@pytest.mark.parametrize(("sides", "places"), [("both", {-1.5, 1.5}), ("high", {1.5}), ("low", {-1.5})])
def test_the_smallest_difference_is_drawn_where_it_counts(sides: str, places: set[float]) -> None:
    figure = verdict_rows([row(sides=sides)])
    dotted = {shape.x0 for shape in figure.layout.shapes if shape.line.dash == "dot"}
    assert {round(x, 6) for x in dotted} == {round(place_of(place), 6) for place in places}


def test_every_row_has_its_own_height_and_the_same_axis() -> None:
    one, three = verdict_rows([row()]), verdict_rows([row(), row(0.2), row(-300.0)])
    assert three.layout.height > one.layout.height
    assert one.layout.xaxis.range == three.layout.xaxis.range
    assert len({t.y[0] for t in three.data if t.name == "This model"}) == 3
    assert [a.text for a in three.layout.annotations] == ["Remembers: Margin of forget minus unseen samples"] * 3
    assert list(one.layout.xaxis.ticktext) == ["−1,000", "−100", "−10", "−1", "0", "1", "10", "100", "1,000"]


def test_too_few_retrained_models_give_no_row() -> None:
    assert row_of_test(madeup_test(count=1)) is None
    assert row_of_test(madeup_test(count=2)) is not None
    assert row_of_test({"value": 3.0}) is None


def test_missing_numbers_are_left_out() -> None:
    names = {t.name for t in verdict_rows([row(value=None, base=None, detectable=None)]).data}
    assert names == {"Retrained models"}


def test_a_band_without_width_does_not_divide_by_nothing() -> None:
    figure = verdict_rows([row(0.9, null_low=1.0, null_high=1.0, references=[1.0, 1.0], base=1.0)])
    assert trace(figure, "This model").x[0] == -END  # type: ignore[attr-defined]
    assert trace(figure, "Before unlearning").x[0] == 0  # type: ignore[attr-defined]


def test_the_words_tell_the_numbers() -> None:
    words = verdict_alt([row(5.0), row(0.2)])
    assert "8 retrained models, 95 % between −1 and 1" in words
    assert "this model 5, 5 half widths above the mean" in words and "this model 0.2, inside the band" in words
    assert "before unlearning 8, 8 half widths above the mean" in words


def test_names_in_titles_are_no_markup() -> None:
    found = row_of_test(madeup_test(title="<b>x</b>"), "T")
    assert found is not None and "<" not in found.title


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-3e-18, "0"), (0.12345, "0.123"), (-5.0, "−5"), (1234.5, "1,234"), (1e-5, "1.0e−05")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number_text(value) == text
