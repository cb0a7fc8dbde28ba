"""The band of the references: against Student's t of SciPy, and by what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from cu_core.metrics.band import T95, Band, auc_half, band, t95


def test_quantiles_are_those_of_students_t() -> None:
    assert t95(1) == pytest.approx(stats.t.ppf(0.975, 1))
    assert np.allclose(T95, stats.t.ppf(0.975, np.arange(1, len(T95) + 1)))
    assert t95(500) == T95[-1], "beyond the table the widest that is left"


def test_prediction_interval_from_its_formula() -> None:
    values = [0.81, 0.84, 0.80, 0.83]
    found = band(values)
    assert found is not None
    half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) * math.sqrt(1 + 1 / 4)
    assert (found.mean, found.half, found.count) == (pytest.approx(0.82), pytest.approx(half), 4)
    assert found.distance(found.high) == pytest.approx(1)
    assert found.distance(found.low) == pytest.approx(-1)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_one_more_reference_is_inside_in_19_of_20_cases(count: int) -> None:
    rng = np.random.default_rng(count)
    drawn = rng.normal(0.7, 0.02, (4000, count + 1))
    bands = [band(list(row[:-1])) for row in drawn]
    inside = np.mean([abs(b.distance(row[-1])) <= 1 for b, row in zip(bands, drawn, strict=True) if b is not None])
    assert inside == pytest.approx(0.95, abs=0.015)


def test_agreeing_references_have_the_width_of_counting() -> None:
    assert band([0.0, 0.0, 0.0]) is None, "no width to measure with"
    found = band([0.0, 0.0, 0.0], samples=500)
    assert found is not None
    share = 2 / 504
    assert found.half == pytest.approx(1.96 * math.sqrt(share * (1 - share) / 500))
    assert abs(found.distance(0.002)) < 1 < abs(found.distance(0.05))


def test_too_few_values_have_no_band() -> None:
    assert band([0.5]) is None
    assert band([0.5, None]) is None
    assert band([0.5, math.nan, None]) is None
    assert isinstance(band([0.5, 0.6, None]), Band)


def test_no_band_is_narrower_than_it_may_be() -> None:
    wide, narrow = band([0.5, 0.51], least=0.4), band([0.2, 0.9], least=0.4)
    assert wide is not None and wide.half == 0.4
    assert narrow is not None and narrow.half > 0.4


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_an_auc_on_few_samples_jumps_by_what_hanley_and_mcneil_say(shift: float) -> None:
    """Their formula is exact for exponential scores: drawn many times, the AUC spreads as it says."""
    rng = np.random.default_rng(3)
    rate = 1 + shift
    members, others = rng.exponential(rate, (3000, 60)), rng.exponential(1, (3000, 40))
    drawn = np.array([(m[:, None] > o[None]).mean() for m, o in zip(members, others, strict=True)])
    assert auc_half(float(drawn.mean()), 60, 40) == pytest.approx(1.96 * drawn.std(), rel=0.06)
