"""Near duplicates: planted ones are found, and the distance is the one that is written down."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.data import duplicates
from cu_core.data.duplicates import SIDE, distances, nearest


@pytest.fixture
def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    found = rng.integers(30, 200, (60, 3, 16, 16), dtype=np.uint8)
    base = found[7].astype(float)
    found[20] = np.clip(0.6 * base + 50, 0, 255)
    found[41] = np.clip(base + rng.normal(0, 6, base.shape), 0, 255)
    found[55] = 255 - found[7]
    return found


def test_brighter_and_noisier_copies_are_the_nearest(images: np.ndarray) -> None:
    assert nearest(images, 7, 2).tolist() == [7, 20, 41]
    far = distances(images, 7)
    assert far[7] == 0 and far[20] < far[41] < 0.2 and far[55] == pytest.approx(2, abs=1e-3)


def test_the_square_of_the_distance_is_twice_one_minus_the_correlation(images: np.ndarray) -> None:
    small = images.reshape(60, 3, SIDE, 2, SIDE, 2).mean((3, 5)).reshape(60, -1)
    expected = np.sqrt(2 * (1 - np.corrcoef(small)[7]))
    np.testing.assert_allclose(distances(images, 7), expected, atol=2e-5)


def test_blocks_do_not_show(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = distances(images, 3)
    monkeypatch.setattr(duplicates, "_BLOCK", 7)
    np.testing.assert_array_equal(distances(images, 3), whole)


def test_of_equal_ones_those_that_come_first_and_always_the_sample_itself() -> None:
    same = np.tile(np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8), (6, 1, 1, 1))
    assert nearest(same, 4, 2).tolist() == [0, 1, 4]
    assert nearest(np.zeros((3, 1, 8, 8), np.uint8), 2, 1).tolist() == [0, 2]
