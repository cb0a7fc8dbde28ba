"""Selections in words, on samples whose courses are known by construction."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from cu_core.analysis.picking import (
    HOW,
    PRESETS,
    Course,
    by_class,
    by_pair,
    combine,
    invert,
    largest,
    preset,
    training_indices,
    with_neighbours,
)
from cu_core.analysis.sample_search import search
from cu_core.base.errors import BadInput

# One sample per line: group, label, predictions in rounds 0, 1 and 3.
SAMPLES = [
    ("forget", 1, (1, 1, 1)),  # 0 never left
    ("forget", 1, (1, 2, 2)),  # 1 left in round 1
    ("forget", 1, (1, 1, 0)),  # 2 left in round 3
    ("forget", 1, (1, 0, 1)),  # 3 left in round 1 and came back
    ("forget", 1, (0, 0, 0)),  # 4 was never known
    ("retain", 2, (2, 2, 2)),  # 5 untouched
    ("retain", 2, (2, 2, 1)),  # 6 dragged along
    ("retain", 2, (1, 1, 1)),  # 7 was always wrong
    ("unseen", 1, (1, 1, 2)),  # 8 lost as well
]
ROUNDS = (0, 1, 3)


@pytest.fixture
def course() -> Course:
    return Course(
        np.array([group for group, _, _ in SAMPLES]),
        np.array([label for _, label, _ in SAMPLES]),
        {number: np.array([row[2][place] for row in SAMPLES]) for place, number in enumerate(ROUNDS)},
        moved={3: np.array([0.1, 3, 2, 0.5, 0, 0, 4, 0.2, np.nan])},
    )


def test_presets_pick_what_they_say(course: Course) -> None:
    assert {name: preset(name, course, 3).tolist() for name in PRESETS} == {
        "not-forgotten": [0, 3],
        "forgotten": [1, 2],
        "over-forgotten": [6],
        "crossed": [2, 6, 8],
        "never-left": [0],
        "largest-movers": [0, 1, 2, 3, 6, 7],
    }
    assert preset("not-forgotten", course, 1).tolist() == [0, 2]
    assert preset("crossed", course, 1).tolist() == [1, 3]
    assert preset("crossed", course, 0).tolist() == []
    assert course.crossings().tolist() == [-1, 1, 3, 1, -1, -1, 3, -1, 3]


def test_a_recorded_distance_decides_before_the_prediction(course: Course) -> None:
    # Sample 0 is predicted as labelled in round 3 but lies beyond; of sample 2 no distance is known.
    distance = np.where(course.correct(3), 1.0, -1.0)
    distance[[0, 2]] = -0.5, np.nan
    measured = Course(course.groups, course.labels, course.predicted, {3: distance})
    assert preset("never-left", measured, 3).tolist() == []
    assert preset("crossed", measured, 3).tolist() == [0, 2, 6, 8]
    assert preset("not-forgotten", measured, 3).tolist() == [0, 3], "which is about predictions"


def test_what_is_no_preset_or_round_is_refused(course: Course) -> None:
    with pytest.raises(BadInput, match="not-forgotten"):
        preset("forgotten!", course, 3)
    with pytest.raises(BadInput, match=r"allowed: 0, 1, 3"):
        preset("forgotten", course, 2)


def test_largest_leaves_out_what_did_not_move() -> None:
    values = np.array([0.0, 5, 5, 1, np.nan])
    assert largest(values, 2).tolist() == [1, 2]
    assert largest(values, 9).tolist() == [1, 2, 3]
    assert largest(None, 3).tolist() == []


def test_classes_and_confusions(course: Course) -> None:
    assert by_class(course.labels, [2]).tolist() == [5, 6, 7]
    assert by_pair(course.labels, course.predicted[3], 1, 2).tolist() == [1, 8]
    with pytest.raises(BadInput, match=r"allowed: 1, 2"):
        by_class(course.labels, [7])


NUMBERS = np.array([3, 17, 20, 22, 25, 17])
IS_TEST = np.array([False, False, False, False, False, True])
LABELS = np.array([0, 1, 2, 3, 1, 0])
CLASSES = ("cat", "cattle", "dog", "maple tree")


@pytest.mark.parametrize(
    ("text", "rows", "missing"),
    [
        ("17", [1, 5], ()),
        ("test:17", [5], ()),
        ("train: 17 , 20-25", [1, 2, 3, 4], ()),
        ("3 20 4", [0, 2], ("4",)),
        ("22; 900-950", [3], ("900-950",)),
        ("cat", [0, 5], ()),
        ("TTL", [1, 4], ()),
        ("class:c*T", [0, 1, 4, 5], ()),
        ("*a*e*e", [3], ()),
        ("class:2", [2], ()),
        ("maple tree", [3], ()),
    ],
)
def test_search(text: str, rows: list[int], missing: tuple[str, ...]) -> None:
    found = search(text, NUMBERS, IS_TEST, LABELS, CLASSES)
    assert (found.rows.tolist(), found.missing) == (rows, missing)


def test_a_number_is_a_sample_unless_it_is_said_to_be_a_class() -> None:
    digits = tuple(map(str, range(10)))
    assert search("3", NUMBERS, IS_TEST, LABELS, digits).rows.tolist() == [0]
    assert search("class:3", NUMBERS, IS_TEST, LABELS, digits).rows.tolist() == [3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" ", "nothing to look for"),
        ("999", "train: 5 samples between 3 and 25, test: 1 sample between 17 and 17"),
        ("25-20", "allowed: 20-25"),
        ("horse", "allowed: cat, cattle, dog, maple tree"),
        ("class:9", "allowed: cat, cattle, dog, maple tree"),
        ("e*l*e*p", "no class of a recorded sample fits"),
        ("^d", "no class of a recorded sample fits"),
        ("**", "names no letter"),
        ("1," * 5001, "at most 10,000"),
        ("x" * 201, "longer than 200"),
    ],
)
def test_a_search_that_finds_nothing_names_what_there_is(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)):
        search(text, NUMBERS, IS_TEST, LABELS, CLASSES)


@pytest.mark.parametrize("way", ["L*L*L*X", "L*" * 99 + "X", "L" * 100 + "X" + "L" * 99, "class:" + "L" * 190 + "*X"])
def test_no_search_takes_long_whatever_names_a_run_brings(way: str) -> None:
    """Nobody else is served meanwhile; the longest names that a run can bring, none of which fits."""
    classes = tuple("L" * 10_000 + f"{number:03}" for number in range(1000))
    labels = np.arange(1000)
    started = time.perf_counter()
    with pytest.raises(BadInput, match="no class of a recorded sample fits") as refused:
        search(way, labels, labels > 500, labels, classes)
    assert time.perf_counter() - started < 1
    assert len(str(refused.value)) < 10_000
    assert search(
        "*".join("L" * 99) + "*9", labels[:1], labels[:1] > 0, labels[:1], ["L" * 200 + "9"]
    ).rows.tolist() == [0]


def test_the_longest_list_of_numbers_takes_no_time() -> None:
    places = np.arange(20_000)
    started = time.perf_counter()
    found = search(",".join(str(k) for k in range(90_000, 91_600)) + ",5", places, places > 500, places % 10)
    assert time.perf_counter() - started < 1 and found.rows.tolist() == [5] and len(found.missing) == 1600


@given(
    old=st.lists(st.integers(0, 30)),
    new=st.lists(st.integers(0, 30)),
    how=st.sampled_from(list(HOW)),
)
def test_combining_is_that_of_sets(old: list[int], new: list[int], how: str) -> None:
    expected = {
        "replace": set(new),
        "add": set(old) | set(new),
        "remove": set(old) - set(new),
        "within": set(old) & set(new),
    }[how]
    found = combine(np.array(old, np.int64), np.array(new, np.int64), how)
    assert found.tolist() == sorted(expected) and found.dtype == np.int64


def test_an_unknown_way_to_combine_is_refused() -> None:
    with pytest.raises(BadInput, match="replace, add, remove, within"):
        combine(np.arange(2), np.arange(2), "xor")


def test_inverting_twice_gives_it_back() -> None:
    rows = np.array([0, 4])
    assert invert(rows, 6).tolist() == [1, 2, 3, 5]
    assert invert(invert(rows, 6), 6).tolist() == rows.tolist()


def test_neighbours_are_those_of_an_exhaustive_search() -> None:
    embedding = np.random.default_rng(0).normal(size=(2000, 12)).astype(np.float32)
    exact = NearestNeighbors(n_neighbors=3, metric="cosine", algorithm="brute").fit(embedding.astype(np.float64))
    # More rows than one block holds, and few enough that not everything is a neighbour.
    for rows in (np.arange(0, 2000, 3), np.array([7])):
        near = exact.kneighbors(embedding[rows].astype(np.float64), return_distance=False)
        found = with_neighbours(embedding, rows, 2)
        assert found.tolist() == sorted(set(near.ravel().tolist())) and len(found) < 1500
    assert with_neighbours(embedding[:3], np.array([1]), 50).tolist() == [0, 1, 2]
    with pytest.raises(BadInput, match="1 or more"):
        with_neighbours(embedding, rows, 0)


def test_a_forget_set_is_made_of_the_selected_training_samples() -> None:
    rows = np.array([5, 4, 1, 0])
    assert training_indices(NUMBERS, IS_TEST, rows).tolist() == [3, 17, 25]
    repeated = np.array([8, 8, 2])
    assert training_indices(repeated, np.zeros(3, bool), np.arange(3)).tolist() == [2, 8]
    with pytest.raises(BadInput, match="nothing is selected"):
        training_indices(NUMBERS, IS_TEST, np.array([], np.int64))
    with pytest.raises(BadInput, match="only unseen samples"):
        training_indices(NUMBERS, IS_TEST, np.array([5]))


def test_names_of_classes_compare_by_what_is_seen_and_numbers_that_are_names_are_no_places() -> None:
    samples, is_test, labels = np.arange(4), np.zeros(4, bool), np.array([0, 1, 2, 2])
    assert search("cafe\u0301", samples, is_test, labels, ("a", "b", "caf\u00e9")).rows.tolist() == [2, 3]
    assert search("class:1", samples, is_test, labels, ("1", "2", "3")).rows.tolist() == [0]
    with pytest.raises(BadInput, match="no class of a recorded sample fits '0'"):
        search("class:0", samples, is_test, labels, ("1", "2", "3"))
