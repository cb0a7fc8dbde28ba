"""Crossings and flips by round, and the table of samples, on stories written down by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cu_core.figures.event_counts import (
    DRAGGED,
    NEVER_LEFT,
    TOO_FAR,
    crossing_alt,
    crossing_histogram,
    event_table,
    events_of,
    flip_bars,
)
from cu_core.metrics.drift.events import NEVER, crossings, flips

GROUPS = np.array(["forget"] * 4 + ["retain"] * 2 + ["unseen"] * 2)
ROUNDS = [0, 1, 2]


def test_histogram_counts_each_round_and_says_who_never_crossed() -> None:
    crossed = np.array([1, 1, 2, NEVER, NEVER, 0, NEVER, 2])
    figure = crossing_histogram(crossed, GROUPS, ROUNDS)
    bars = {trace.name: trace for trace in figure.data}
    assert set(bars) == {
        "Forget (of 4: 0 before, 1 never)",
        "Retain (of 2: 1 before, 1 never)",
        "Unseen (of 2: 0 before, 1 never)",
    }
    forget = bars["Forget (of 4: 0 before, 1 never)"]
    assert list(forget.x) == [1, 2] and list(forget.y) == [0.5, 0.25] and list(forget.customdata) == [2, 1]
    # A retain sample that lay across from the start crossed in no round.
    assert list(bars["Retain (of 2: 1 before, 1 never)"].y) == [0, 0]
    assert len({trace.marker.pattern.shape for trace in figure.data}) == 3
    words = crossing_alt(crossed, GROUPS, ROUNDS)
    assert "of 4 forget samples 0 lay across before, 1 never crossed and most crossed in round 1 (2)" in words
    assert "of 2 retain samples 1 lay across before, 1 never crossed" in words
    assert crossing_alt(crossed[:0], GROUPS[:0], ROUNDS) == "No samples."


def test_flips_are_shares_of_the_group() -> None:
    predictions = [np.array([0, 0, 0, 0, 1, 1, 2, 2]), np.array([1, 1, 0, 0, 1, 1, 2, 2]), np.array([1, 0] + [0] * 6)]
    figure = flip_bars(flips(predictions), GROUPS, ROUNDS)
    assert [list(trace.y) for trace in figure.data] == [[0.5, 0.25], [0, 1], [0, 1]]
    assert [trace.name for trace in figure.data] == [
        "Forget (2 of 4 ever)",
        "Retain (2 of 2 ever)",
        "Unseen (2 of 2 ever)",
    ]


def story() -> dict:
    boundary = np.array(
        [[2, 2, 2, 2, 1, 1, 1, 1], [2, -1, 2, -1, 1, -1, 1, -1], [2, -9, -1, 1, 1, -1, -2, -2]], np.float32
    )
    return {
        "probe": pd.DataFrame({"sample": np.arange(8) * 10, "group": GROUPS, "label": [0, 0, 1, 1, 0, 1, 0, 1]}),
        "classes": ("cat", "dog"),
        "rounds": ROUNDS,
        "boundary": list(boundary),
        "predictions": [np.array([0, 0, 1, 1, 0, 1, 0, 1]), np.zeros(8, int), np.ones(8, int)],
        "displacement": np.linspace(0, 7, 8, dtype=np.float32),
        "relative": np.linspace(0, 0.7, 8).astype(np.float16),
    }


def test_table_tells_each_samples_story() -> None:
    # A retrained model leaves forget samples 1 past the boundary when its retain samples are 1 away.
    reference = np.array([-1, -1, -1, -1, 1, 1, 0, 0], np.float32)
    parts = story()
    parts["boundary"][2][5] = 1  # Two retain samples on their side give the model a scale.
    table = event_table(**parts, references=[reference])
    assert list(table.columns) == [
        "Row",
        "Sample",
        "Group",
        "Label",
        "Predicted",
        "Displacement",
        "Relative displacement",
        "Crossed in round",
        "Flips",
        "Boundary before",
        "Boundary after",
        "Event",
    ]
    assert table["Sample"].tolist() == [0, 10, 20, 30, 40, 50, 60, 70]
    assert table["Label"].tolist()[:3] == ["cat", "cat", "dog"] and set(table["Predicted"]) == {"dog"}
    crossed = table["Crossed in round"]
    assert crossed.isna().tolist() == [True, False, False, True, True, True, False, False]
    assert crossed.dropna().tolist() == [1, 2, 2, 1]
    assert table["Flips"].tolist() == [1, 1, 2, 2, 1, 2, 1, 2]
    assert table["Event"].tolist() == [NEVER_LEFT, TOO_FAR, "", "", "", "", "", ""]
    assert table["Relative displacement"].tolist() == pytest.approx(np.linspace(0, 0.7, 8), abs=1e-3)
    assert table["Boundary before"].tolist() == [2, 2, 2, 2, 1, 1, 1, 1]


def test_columns_can_be_sorted_and_rows_chosen() -> None:
    table = event_table(**story(), rows=np.array([5, 1]))
    assert table["Row"].tolist() == [5, 1] and table.index.tolist() == [0, 1]
    for column in table.columns:
        table.sort_values(column)
    old = event_table(**(story() | {"relative": None}))
    assert "Relative displacement" not in old.columns and "Displacement" in old.columns


def test_dragged_along_are_retain_samples_that_are_wrong_now() -> None:
    parts = story()
    words, found = events_of(parts["boundary"], parts["probe"]["label"].to_numpy(), GROUPS)
    assert words.tolist()[4:] == ["", DRAGGED, "", ""]
    # Half of the retain samples are lost and half are not: there is no scale to call anything too far.
    assert found.against == "nothing" and TOO_FAR not in words


def test_an_earlier_round_ends_the_story_there() -> None:
    parts = story()
    parts |= {name: parts[name][:2] for name in ("rounds", "boundary", "predictions")}
    table = event_table(**parts)
    assert table["Crossed in round"].dropna().tolist() == [1, 1, 1, 1]
    assert table["Boundary after"].tolist() == [2, -1, 2, -1, 1, -1, 1, -1]


def test_table_agrees_with_the_events() -> None:
    rng = np.random.default_rng(0)
    n, rounds = 300, list(range(6))
    boundary = [rng.normal(size=n).astype(np.float32) for _ in rounds]
    predictions = [rng.integers(0, 3, n) for _ in rounds]
    groups = np.array(["forget", "retain", "unseen"])[rng.integers(0, 3, n)]
    probe = pd.DataFrame({"sample": np.arange(n), "group": groups, "label": rng.integers(0, 3, n)})
    table = event_table(probe, (), rounds, boundary, predictions, rng.random(n))
    stays = crossings(boundary, rounds).stays
    assert table["Crossed in round"].fillna(NEVER).tolist() == stays.tolist()
    assert table["Flips"].tolist() == flips(predictions).sum(0).tolist()
    assert set(table["Label"]) == {"0", "1", "2"}
