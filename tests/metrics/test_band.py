"""The band of the references: against Student's t of SciPy, and by what it promises."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from cu_core.metrics.band import T95, Band, band, t95


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


def test_agreeing_references_have_the_width_of_one_sample() -> None:
    assert band([0.0, 0.0, 0.0]) is None, "no width to measure with"
    assert band([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]) is None, "nor one that comes from rounding"
    found = band([0.9] * 8, samples=500)
    assert found is not None and found.half == pytest.approx(1 / 500)
    assert abs(found.distance(449 / 500)) <= 1 < abs(found.distance(448 / 500))
    few = band([0.0, 0.0], samples=500)
    assert few is not None
    assert few.half == pytest.approx(stats.t.ppf(0.975, 1) * math.sqrt(1.5 / 12) / 500), "two that agree say little"


@pytest.mark.parametrize("count", [2, 3, 5, 8])
@pytest.mark.parametrize("spread", ["rare", "few", "many", "below one sample", "samples"])
def test_no_more_than_7_percent_of_counts_are_outside(count: int, spread: str) -> None:
    """Whole numbers of 100 samples, on which model and references were judged alike: no sampling error between them."""
    rng = np.random.default_rng(count)
    draws: dict[str, Callable[[tuple[int, int]], np.ndarray]] = {
        "rare": lambda size: rng.poisson(0.3, size),
        "few": lambda size: rng.poisson(2, size),
        "many": lambda size: rng.binomial(100, 0.4, size),
        "below one sample": lambda size: np.round(rng.normal(90.3, 0.4, size)),
        "samples": lambda size: np.round(rng.normal(60, 3, size)),
    }
    drawn = draws[spread]((4000, count + 1)) / 100
    bands = [band(list(row[:-1]), samples=100) for row in drawn]
    outside = np.mean([abs(b.distance(row[-1])) > 1 for b, row in zip(bands, drawn, strict=True) if b is not None])
    assert outside <= 0.07
    if spread == "samples":
        assert outside >= 0.02 if count == 2 else outside >= 0.03, "wide enough is not enough"


def test_ends_stop_where_values_do() -> None:
    found = Band(0.98, 0.05, 3)
    assert found.ends() == (found.low, found.high)
    assert found.ends(0.0, 1.0) == (pytest.approx(0.93), 1.0)
    assert Band(0.01, 0.05, 3).ends(0.0, 1.0)[0] == 0.0


def test_too_few_values_have_no_band() -> None:
    assert band([0.5]) is None
    assert band([0.5, None]) is None
    assert band([0.5, math.nan, None]) is None
    assert isinstance(band([0.5, 0.6, None]), Band)
