"""Numbers in cells: on the right cell, in black or white, of one width, and left out where they have no room."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from cu_core.figures.cell_numbers import add_cell_numbers, number_texts, shade
from cu_core.figures.theme import GROUNDS, TEXT_SIZE, ink, ink_on
from tests.figures import test_theme
from tests.figures.test_theme import contrast

STOPS = [(0.0, "rgb(123, 50, 148)"), (0.5, "rgba(138, 143, 152, 0.12)"), (1.0, "rgb(0, 136, 55)")]
NUMBERS = np.array([[-10.0, np.nan, 5.0], [0.0, 10.0, -0.2]])


def table() -> go.Figure:
    figure = go.Figure(go.Heatmap(z=NUMBERS, x=["a", "b", "c"], y=["r", "s"]))
    figure.update_yaxes(autorange="reversed")
    add_cell_numbers(figure, STOPS, (-10, 10), "+.0f")
    return figure


def hexed(colour: list[float]) -> str:
    return "#" + "".join(f"{round(part):02x}" for part in colour)


def test_every_number_stands_on_its_cell_and_empty_cells_have_none() -> None:
    numbers = table().data[1]
    places = zip(np.round(np.array(numbers.base, float) + 0.5).astype(int), numbers.x, strict=True)
    found = {place: text.strip("\u2005") for place, text in zip(places, numbers.text, strict=True)}
    assert found == {(0, 0): "−10", (0, 2): "+5", (1, 0): "0", (1, 1): "+10", (1, 2): "0"}


def test_axes_of_numbers_lie_over_those_of_the_cells_and_neither_can_be_moved() -> None:
    figure = table()
    numbers, layout = figure.data[1], figure.layout
    assert (numbers.xaxis, numbers.yaxis) == ("x2", "y2")
    assert (layout.xaxis2.overlaying, layout.yaxis2.overlaying) == ("x", "y")
    assert tuple(layout.xaxis2.range) == (-0.5, 2.5) and tuple(layout.yaxis2.range) == (1.5, -0.5)
    assert all(axis.fixedrange for axis in (*figure.select_xaxes(), *figure.select_yaxes()))


def test_numbers_without_room_are_left_out_and_none_is_small() -> None:
    figure = table()
    assert figure.layout.uniformtext.to_plotly_json() == {"minsize": TEXT_SIZE, "mode": "hide"}
    assert figure.data[1].insidetextfont.size == TEXT_SIZE


def test_numbers_of_a_table_take_the_same_room() -> None:
    # Two quarters of a line's height stand for a digit.
    lengths = {len(text.strip("\u2005")) + text.count("\u2005") / 2 for text in number_texts([-0.31, 12, 0], ".2f")}
    assert lengths == {5}


@pytest.mark.parametrize("ground", GROUNDS)
def test_numbers_stand_out_on_every_cell(ground: str) -> None:
    assert hexed(list(GROUNDS[ground])) == test_theme.GROUNDS[ground].lower()
    figure = ink(table(), ground)
    for number, colour in zip(NUMBERS[np.isfinite(NUMBERS)], figure.data[1].insidetextfont.color, strict=True):
        red, green, blue, opacity = shade(STOPS, (number + 10) / 20)
        seen = [
            opacity * part + (1 - opacity) * below
            for part, below in zip((red, green, blue), GROUNDS[ground], strict=True)
        ]
        assert contrast(colour, hexed(seen)) >= 4.5
    for grey in range(256):
        assert contrast(ink_on([grey, grey, grey, 1.0], ground), hexed([grey] * 3)) >= 4.5
