"""ROC numbers and bootstrap intervals against scikit-learn, SciPy, brute force and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score
from sklearn.metrics import roc_curve as sk_roc_curve

from cu_core.metrics import roc
from cu_core.metrics.attacks.outcome import failed, outcome
from cu_core.metrics.intervals import interval, redraws
from cu_core.metrics.roc import best_threshold, decision_numbers, ranking_numbers, roc_curve


def made(n: int, apart: float, *, ties: bool = False, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    member = rng.permutation(n) < n // 2
    score = rng.normal(size=n) + apart * member
    return (np.round(score, 1) if ties else score), member


@pytest.mark.parametrize("ties", [False, True])
def test_curve_equals_scikit_learn(ties):
    score, member = made(300, 0.7, ties=ties)
    for mine, theirs in zip(
        roc_curve(score, member), sk_roc_curve(member, score, drop_intermediate=False), strict=True
    ):
        np.testing.assert_allclose(mine, theirs)


@pytest.mark.parametrize("ties", [False, True])
def test_ranking_equals_scikit_learn_for_every_weighting(ties):
    score, member = made(400, 1.0, ties=ties)
    weights = redraws(member, 20, seed=1)
    area, rate = ranking_numbers(score, member, weights)
    for row, weight in enumerate(weights):
        assert area[row] == pytest.approx(roc_auc_score(member, score, sample_weight=weight))
        fpr, tpr, _ = sk_roc_curve(member, score, sample_weight=weight, drop_intermediate=False)
        assert rate[row] == pytest.approx(tpr[fpr <= 0.01 + 1e-12].max())


def test_weightings_in_parts_give_the_same_numbers(monkeypatch):
    rng = np.random.default_rng(0)
    score, member = rng.integers(0, 9, 60).astype(float), np.arange(60) % 2 == 0
    weights = redraws(member, 10, 0)
    whole = ranking_numbers(score, member, weights)
    monkeypatch.setattr(roc, "_PART", 3 * 60)
    for mine, theirs in zip(ranking_numbers(score, member, weights), whole, strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.shape == (11,)


def test_rate_at_low_fpr_promises_no_more_than_a_threshold_delivers():
    # 100 others: one may be accused. The two best others tie, so they can only be accused together.
    score = np.concatenate([[5.0, 4.0, 2.0], np.full(97, -1.0), [3.0, 3.0], np.full(98, 0.0)])
    member = np.arange(200) < 100
    assert ranking_numbers(score, member, np.ones((1, 200)))[1][0] == pytest.approx(0.02)
    score[101] = 2.5
    assert ranking_numbers(score, member, np.ones((1, 200)))[1][0] == pytest.approx(0.02)
    score[101] = 1.0
    assert ranking_numbers(score, member, np.ones((1, 200)))[1][0] == pytest.approx(0.03)


def test_decisions_equal_scikit_learn():
    score, member = made(200, 1.0)
    judged = score > 0.3
    weights = redraws(member, 10, seed=2)
    found = decision_numbers(judged, member, weights)
    for name, function in (("accuracy", accuracy_score), ("precision", precision_score), ("recall", recall_score)):
        theirs = [function(member, judged, sample_weight=weight) for weight in weights]
        np.testing.assert_allclose(found[name], theirs)
    nobody = decision_numbers(np.zeros(200, bool), member, weights)
    assert np.isnan(nobody["precision"]).all() and (nobody["recall"] == 0).all()


@pytest.mark.parametrize("case", [(50, 1.0, False), (51, 0.5, True), (40, 0.0, True), (30, -2.0, False)])
def test_best_threshold_equals_trying_all(case):
    n, apart, ties = case
    score, member = made(n, apart, ties=ties)
    tried = np.concatenate([np.unique(score), [score.max() + 1]])

    def balanced(threshold: float) -> float:
        judged = score >= threshold
        return (judged[member].mean() + (~judged[~member]).mean()) / 2

    assert balanced(best_threshold(score, member)) == pytest.approx(max(map(balanced, tried)))


def test_best_threshold_lies_between_the_sides_where_they_part():
    assert best_threshold(np.array([0.0, 1.0, 3.0, 4.0]), np.array([False, False, True, True])) == 2.0
    assert np.isfinite(best_threshold(np.array([3.0, 4.0, 0.0]), np.array([False, False, True])))


def test_redraws_keep_both_sides_and_depend_on_the_seed():
    member = np.arange(50) < 20
    counts = redraws(member, 300, seed=0)
    assert (counts[0] == 1).all()
    assert (counts[:, member].sum(1) == 20).all() and (counts[:, ~member].sum(1) == 30).all()
    # A sample is left out of a redraw of 20 with probability (1 - 1/20)^20.
    assert (counts[1:, member] == 0).mean() == pytest.approx((1 - 1 / 20) ** 20, abs=0.02)
    assert (redraws(member, 300, seed=0) == counts).all() and (redraws(member, 300, seed=1) != counts).any()


def test_interval_equals_scipy():
    score, member = made(300, 0.8)

    def area(members: np.ndarray, others: np.ndarray, axis: int = -1) -> np.ndarray:
        return (members[..., :, None] > others[..., None, :]).mean((-1, -2))

    theirs = bootstrap(
        (score[member], score[~member]),
        area,
        n_resamples=1000,
        method="percentile",
        vectorized=True,
        batch=50,
        rng=np.random.default_rng(0),
    ).confidence_interval
    mine = interval(ranking_numbers(score, member, redraws(member, 1000, seed=0))[0])
    assert mine[0] == pytest.approx(area(score[member], score[~member]))
    assert mine[1:] == pytest.approx([theirs.low, theirs.high], abs=0.008)


def test_interval_of_a_share_equals_the_normal_one():
    hits = np.arange(4000) < 1000
    weights = redraws(np.zeros(4000, int), 2000, seed=3)
    value, low, high = interval((weights * hits).sum(1) / 4000)
    half = 1.96 * np.sqrt(0.25 * 0.75 / 4000)
    assert (value, low, high) == pytest.approx((0.25, 0.25 - half, 0.25 + half), abs=0.0015)


def test_interval_without_numbers():
    assert interval(np.array([0.5, np.nan, 0.4, 0.6])) == pytest.approx([0.5, 0.405, 0.595])
    assert interval(np.full(4, np.nan)) == [None, None, None]


def test_outcome_judges_each_fold_by_its_own_threshold():
    score = np.array([0.0, 1.0, 10.0, 11.0])
    member, fold = np.array([False, True, False, True]), np.array([0, 0, 1, 1])
    found = outcome(score, member, fold, [0.5, 10.5], redraws(member, 20, seed=0))
    assert found["accuracy"] == [1.0, 1.0, 1.0] and found["precision"][0] == 1.0
    assert found["auc"][0] == 0.75, "the ranking is that of the score as it is stored"
    assert (found["threshold"], found["thresholds"]) == (5.5, [0.5, 10.5])
    swapped = outcome(score, member, fold, [10.5, 0.5], redraws(member, 20, seed=0))
    assert swapped["accuracy"][0] == 0.5 and swapped["recall"][0] == 0.5
    assert set(failed("because")) - {"reason"} == set(found)
