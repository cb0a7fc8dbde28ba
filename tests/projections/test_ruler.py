"""The ruler measures in the full space and relates what is drawn to it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cosine, pdist

from cu_core.projections.ruler import measure_pair


@pytest.fixture
def cloud() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(300, 8)).astype(np.float16)


def test_distance_and_cosine_of_the_full_space(cloud: np.ndarray) -> None:
    got = measure_pair(cloud, 3, 200)
    a, b = cloud[3].astype(float), cloud[200].astype(float)
    assert got.distance == pytest.approx(np.linalg.norm(a - b))
    assert got.cosine == pytest.approx(1 - cosine(a, b))
    assert got.usual == pytest.approx(got.distance / np.median(pdist(cloud.astype(float))), rel=0.02)
    assert got.plotted_usual is None and got.ratio is None and "picture" not in got.words()


def test_a_picture_to_scale_has_ratio_1_and_words_tell_far_from_near(cloud: np.ndarray) -> None:
    assert measure_pair(cloud, 3, 200, 7 * cloud.astype(np.float32)).ratio == pytest.approx(1, abs=1e-3)
    rng = np.random.default_rng(1)
    flat = rng.normal(size=(300, 2))
    flat[3], flat[200] = [-20, 0], [20, 0]
    far = measure_pair(cloud, 3, 200, flat)
    assert far.ratio > 5 and "times as far as they are" in far.words()
    flat[200] = [-20, 0.01]
    near = measure_pair(cloud, 3, 200, flat)
    assert near.ratio < 0.1 and "times as near as they are" in near.words()
    flat[200] = flat[3]
    assert "at one place" in measure_pair(cloud, 3, 200, flat).words()


def test_what_cannot_be_said_is_not_said() -> None:
    assert measure_pair(np.zeros((1, 4)), 0, 0).cosine is None
    same = measure_pair(np.zeros((9, 4)), 0, 1, np.zeros((9, 2)))
    assert (same.distance, same.usual, same.ratio) == (0, None, None)
    assert same.words() == "True distance 0."
