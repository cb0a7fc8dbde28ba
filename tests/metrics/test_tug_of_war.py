"""Tug of war: by hand, and its interval against a bootstrap that redraws sample by sample."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.metrics.tug_of_war import tug_of_war, tug_of_war_interval


def test_product_of_the_gaps() -> None:
    found = tug_of_war({"forget": 0.2, "retain": 0.9, "unseen": 0.8}, {"forget": 0.1, "retain": 1.0, "unseen": 0.7})
    assert found == pytest.approx(0.9**3)
    assert tug_of_war({"forget": 0.0}, {"forget": 0.0}) == 1
    assert tug_of_war({"forget": 1.0}, {"forget": 0.0}) == 0


def test_interval_is_that_of_redrawing_samples_and_references() -> None:
    rng = np.random.default_rng(0)
    sizes = {"forget": 80, "retain": 300, "unseen": 150}
    right = {g: rng.random(n) < 0.7 for g, n in sizes.items()}
    references = [{g: rng.random(n) < share for g, n in sizes.items()} for share in (0.6, 0.75)]
    value, low, high = tug_of_war_interval(right, references, 4000, 1)
    expected = 1.0
    for group, own in right.items():
        expected *= 1 - abs(own.mean() - np.mean([r[group].mean() for r in references]))
    assert value == pytest.approx(expected)
    found = []
    for _ in range(4000):
        chosen = rng.integers(0, 2, 2)
        product = 1.0
        for group, n in sizes.items():
            rows = rng.integers(0, n, n)
            mean = np.mean([references[c][group][rows].mean() for c in chosen])
            product *= 1 - abs(right[group][rows].mean() - mean)
        found.append(product)
    assert (low, high) == pytest.approx(tuple(np.quantile(found, (0.025, 0.975))), abs=0.01)
    assert low < value < high


def test_itself_is_at_one() -> None:
    right = {"forget": np.array([True, False, True])}
    assert tug_of_war_interval(right, [right], 50, 0) == (1.0, 1.0, 1.0)
