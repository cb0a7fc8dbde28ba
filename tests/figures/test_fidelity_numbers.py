"""What the strip says follows from the numbers and their thresholds."""

from __future__ import annotations

import pytest

from cu_core.figures.fidelity_numbers import BY_NAME, LEVELS, NUMBERS, readings, sentence

GOOD = {
    "trustworthiness": 0.98,
    "continuity": 0.97,
    "pooled_trustworthiness": 0.96,
    "distance_rank_correlation": 0.9,
    "displacement_rank_correlation": 0.93,
    "unmoved_motion": 0.0,
    "still_jitter": 0.0,
    "snap_excess": 0.02,
    "boundary_agreement": 0.97,
    "self_neighbours": None,
    "samples": 1000,
    "neighbours": 15,
}
ROUNDS = [
    {"trustworthiness": 0.99, "displacement_rank_correlation": None},
    {"trustworthiness": 0.80, "displacement_rank_correlation": 0.95},
    {"trustworthiness": 0.90, "displacement_rank_correlation": 0.60},
]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("trustworthiness", [(0.95, "good"), (0.949, "fair"), (0.85, "fair"), (0.849, "poor")]),
        ("continuity", [(0.95, "good"), (0.85, "fair"), (0.5, "poor")]),
        ("pooled_trustworthiness", [(0.95, "good"), (0.9, "fair"), (0.5, "poor")]),
        ("distance_rank_correlation", [(0.8, "good"), (0.79, "fair"), (0.5, "fair"), (0.49, "poor"), (-1, "poor")]),
        ("displacement_rank_correlation", [(0.9, "good"), (0.7, "fair"), (0.69, "poor")]),
        ("unmoved_motion", [(0, "good"), (0.0099, "good"), (0.01, "fair"), (0.05, "fair"), (0.051, "poor")]),
        ("still_jitter", [(0, "good"), (0.03, "fair"), (0.06, "poor")]),
        ("snap_excess", [(-0.2, "good"), (0.1, "fair"), (0.3, "fair"), (0.31, "poor")]),
        ("self_neighbours", [(0.24, "good"), (0.25, "fair"), (0.51, "poor")]),
        ("boundary_agreement", [(0.95, "good"), (0.85, "fair"), (0.84, "poor")]),
    ],
)
def test_thresholds(name: str, values: list[tuple[float, str]]) -> None:
    assert [(value, BY_NAME[name].level(value)) for value, _ in values] == values


def test_levels_differ_without_colour() -> None:
    assert len({level.word for level in LEVELS.values()}) == len({level.mark for level in LEVELS.values()}) == 3
    assert all("\n" not in number.meaning for number in NUMBERS)


def test_the_round_shown_and_the_worst_one() -> None:
    found = {r.number.name: r for r in readings(GOOD | {"rounds": ROUNDS}, 4, [0, 4, 7])}
    trust = found["trustworthiness"]
    assert (trust.value, trust.level, trust.worst, trust.worst_round, trust.worst_level) == (
        0.8,
        "poor",
        0.8,
        4,
        "poor",
    )
    motion = found["displacement_rank_correlation"]
    assert (motion.value, motion.level, motion.over_all) == (0.95, "good", False)
    assert (motion.worst, motion.worst_round, motion.worst_level) == (0.6, 7, "poor")
    assert found["snap_excess"].worst is None and found["snap_excess"].worst_level == "good"


def test_round_0_has_no_motion_of_its_own_and_shows_that_of_all_rounds() -> None:
    motion = readings(GOOD | {"rounds": ROUNDS}, 0, [0, 4, 7])[0]
    assert motion.number.name == "displacement_rank_correlation"
    assert motion.value == 0.93 and motion.over_all and motion.worst_round == 7


def test_numbers_that_are_not_known_are_left_out() -> None:
    names = [r.number.name for r in readings(GOOD | {"rounds": ROUNDS}, 0, [0, 4, 7])]
    assert "self_neighbours" not in names and "still_jitter" not in names and "unmoved_motion" in names
    names = [r.number.name for r in readings(GOOD | {"unmoved_motion": None}, 0, [])]
    assert "still_jitter" in names and "unmoved_motion" not in names
    assert readings({}, 0, []) == []


def test_the_sentence_of_a_good_picture() -> None:
    assert sentence(GOOD) == "Plotted movement follows true movement: 0.93 over all rounds."
    assert sentence(GOOD | {"distance_rank_correlation": 0.4}) == (
        "Plotted movement follows true movement: 0.93 over all rounds; do not read distances."
    )


def test_the_sentence_names_what_is_wrong() -> None:
    text = sentence(
        GOOD | {"displacement_rank_correlation": 0.1, "unmoved_motion": 1.23, "snap_excess": 0.5, "continuity": 0.9}
    )
    assert "does not follow" in text and "123%" in text and "jumps" in text and "single neighbours" in text
    assert "far apart" in sentence(GOOD | {"pooled_trustworthiness": 0.6})
    # Where all moved, those that moved least stand in.
    assert "moved least are drawn 60%" in sentence(GOOD | {"unmoved_motion": None, "still_jitter": 0.6})
    assert "moved least" not in sentence(GOOD | {"unmoved_motion": 0.0, "still_jitter": 0.6})
    assert "roughly" in sentence(GOOD | {"displacement_rank_correlation": 0.8})
    assert "only weakly: 0.60" in sentence(GOOD | {"displacement_rank_correlation": 0.6})


def test_too_few_samples_are_said() -> None:
    assert "too few" in sentence({})
