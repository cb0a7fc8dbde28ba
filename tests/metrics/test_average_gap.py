"""The average gap beside its definition, and its ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from cu_core.metrics.average_gap import MARGINS, ModelScores, average_gap, gaps_among


def model(forget: float, retain: float, unseen: float, scores: np.ndarray) -> ModelScores:
    return ModelScores({"forget": forget, "retain": retain, "unseen": unseen}, scores)


def test_margins_are_compared_by_the_area_between_their_quantiles() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        own, theirs = rng.normal(rng.normal(), 1, 40), [rng.normal(1, 2, 40), rng.normal(0, 1, 40)]
        pooled = np.concatenate(theirs)
        # W1 is the area between quantile functions; every own sample stands for two of the pooled ones.
        moved = np.abs(np.sort(np.repeat(own, 2)) - np.sort(pooled)).mean()
        spread = np.sqrt(((pooled - pooled.mean()) ** 2).mean())
        gap = average_gap(model(1, 1, 1, own), [model(1, 1, 1, t) for t in theirs])
        assert gap.parts[MARGINS] == pytest.approx(moved / (moved + spread), abs=1e-12)


def test_the_distance_is_that_of_scipy_also_with_ties_and_unequal_numbers() -> None:
    rng = np.random.default_rng(1)
    for size in (1, 7, 40):
        own, theirs = np.round(rng.normal(1, 2, size), 1), np.round(rng.normal(0, 1, 33), 1)
        moved = wasserstein_distance(own, theirs)
        gap = average_gap(model(1, 1, 1, own), [model(1, 1, 1, theirs)])
        assert gap.parts[MARGINS] == pytest.approx(moved / (moved + theirs.std()), abs=1e-12)


def test_a_shift_of_one_deviation_is_half_and_both_directions_count_alike() -> None:
    scores = np.array([-1.0, 1.0] * 50)
    for shift in (1.0, -1.0):
        gap = average_gap(model(1, 1, 1, scores + shift), [model(1, 1, 1, scores)])
        assert gap.parts[MARGINS] == pytest.approx(0.5)
    near, far = (average_gap(model(1, 1, 1, scores + x), [model(1, 1, 1, scores)]).value for x in (10, 20))
    assert near < far < 0.25, "it goes on growing where the samples are apart"


def test_accuracies_are_compared_with_the_mean_and_all_parts_weigh_the_same() -> None:
    scores = np.arange(5.0)
    gap = average_gap(model(0.9, 0.7, 0.5, scores), [model(0.2, 0.8, 0.5, scores), model(0.4, 0.8, 0.7, scores)])
    assert gap.parts == pytest.approx({"forget": 0.6, "retain": 0.1, "unseen": 0.1, MARGINS: 0.0})
    assert gap.value == pytest.approx((0.6 + 0.1 + 0.1) / 4)


def test_the_ends() -> None:
    scores = np.arange(5.0)
    alike = model(0.3, 0.9, 0.8, scores)
    assert average_gap(alike, [alike, alike]).value == 0.0
    assert average_gap(model(1, 0, 0, scores + 1e9), [model(0, 1, 1, scores)]).value == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no reference"):
        average_gap(alike, [])


def test_references_are_measured_beside_the_others() -> None:
    scores = np.arange(5.0)
    one, two, three = (model(a, 1, 1, scores) for a in (0.0, 0.1, 0.5))
    assert gaps_among([one, two, three]) == pytest.approx([0.3 / 4, 0.15 / 4, 0.45 / 4])
    assert gaps_among([one]) == []
