"""Intervals of single numbers: against SciPy, and by drawing again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cu_core.metrics.own_interval import Z, auc_interval, share_interval


def test_the_interval_of_a_share_is_wilsons_of_scipy() -> None:
    assert stats.norm.ppf(0.975) == pytest.approx(Z)
    for right, n in ((0, 10), (3, 40), (500, 1000), (40, 40)):
        expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
        assert share_interval(right / n, n) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_an_auc_on_few_samples_jumps_by_what_hanley_and_mcneil_say(shift: float) -> None:
    """Their formula is exact for exponential scores: drawn many times, the AUC spreads as it says."""
    rng = np.random.default_rng(3)
    members, others = rng.exponential(1 + shift, (3000, 60)), rng.exponential(1, (3000, 40))
    drawn = np.array([(m[:, None] > o[None]).mean() for m, o in zip(members, others, strict=True)])
    low, high = auc_interval(float(drawn.mean()), 60, 40)
    assert (high - low) / 2 == pytest.approx(1.96 * drawn.std(), rel=0.06)


def test_ends_stay_where_an_auc_can_be() -> None:
    assert auc_interval(1.0, 20, 20) == (1.0, 1.0)
    low, high = auc_interval(0.98, 5, 5)
    assert low > 0 and high == 1.0
