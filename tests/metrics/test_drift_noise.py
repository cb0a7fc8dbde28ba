"""How far seeds differ: of models that are the same up to rotation, and of models that are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from cu_core.metrics.drift.drift_measure import MEASURES
from cu_core.metrics.drift.seed_noise import noise_band, seed_difference
from cu_core.projections.common_motion import align
from tests.metrics.test_drift_measures import GROUPS, cloud


def pair(first: np.ndarray, second: np.ndarray, samples) -> dict:
    aligned, residual = align(second, first, samples.retained)
    return {"with": 0, "residual": residual, "groups": seed_difference(first, aligned, samples)}


def test_a_model_that_was_only_turned_does_not_differ() -> None:
    rows, samples = cloud()
    found = pair(rows, rows @ ortho_group.rvs(8, random_state=1), samples)
    assert found["residual"] == pytest.approx(0, abs=1e-5)
    for name in GROUPS:
        assert found["groups"][name]["euclidean"] == pytest.approx(0, abs=1e-4)
        assert found["groups"][name]["cosine"] == pytest.approx(1, abs=1e-5)
        assert found["groups"][name]["neighbours_changed"] == 0


def test_known_noise_has_its_size() -> None:
    rows, samples = cloud(n=3000)
    jitter = np.random.default_rng(5).normal(size=rows.shape)
    found = pair(rows, (rows + 0.5 * jitter) @ ortho_group.rvs(8, random_state=2), samples)
    # Length of a normal vector of 8 dimensions with this standard deviation.
    assert found["groups"]["retain"]["euclidean"] == pytest.approx(
        0.5 * np.linalg.norm(jitter, axis=1).mean(), rel=0.02
    )
    band = noise_band([{"noise": []}, {"noise": [found]}])
    low, median, high = band.middle("retain", "euclidean")
    expected = np.percentile(0.5 * np.linalg.norm(jitter, axis=1), [25, 50, 75])
    assert (low, median, high) == pytest.approx(expected, rel=0.03)


def test_band_is_the_mean_over_pairs_and_says_how_many() -> None:
    rows, samples = cloud()
    rng = np.random.default_rng(6)
    pairs = [pair(rows, rows + s * rng.normal(size=rows.shape), samples) for s in (0.1, 0.2, 0.3)]
    band = noise_band([{"noise": []}, {"noise": pairs[:1]}, {"noise": pairs[1:]}])
    assert band.pairs == 3 and "3 pairs" in band.words()
    assert band.residual == pytest.approx(np.mean([p["residual"] for p in pairs]))
    expected = np.mean([p["groups"]["forget"]["quantiles"]["relative"] for p in pairs], axis=0)
    assert band.levels["forget"]["relative"] == pytest.approx(expected)
    assert band.middle("forget", "relative") == pytest.approx(expected[1:4])
    values = [p["groups"]["forget"]["cka"] for p in pairs]
    assert band.middle("forget", "cka") == pytest.approx((min(values), np.mean(values), max(values)))
    assert set(band.levels["forget"]) == {name for name, measure in MEASURES.items() if measure.motion}


def test_one_reference_or_none_gives_no_band() -> None:
    assert noise_band([]) is None
    assert noise_band([{"noise": []}]) is None
    assert noise_band([{}, {}]) is None, "references of older runs were not compared"


def test_groups_without_samples_have_no_level() -> None:
    rows, samples = cloud()
    found = pair(rows, rows + 0.1, samples)
    found["groups"]["unseen"] = {}
    band = noise_band([{"noise": [found]}])
    assert band.middle("unseen", "euclidean") is None and band.middle("nobody", "cka") is None
    assert "one pair" in band.words()
