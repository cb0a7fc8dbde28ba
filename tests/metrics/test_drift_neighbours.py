"""Nearest retain samples against scikit-learn, and the class that most of them have."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from cu_core.metrics import nearest
from cu_core.metrics.drift.lost_neighbours import majority, nearest_retained


@pytest.fixture
def cloud() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    # Far from the origin, where distances from squares lose most digits.
    return (rng.normal(size=(120, 9)) + 50).astype(np.float32), np.sort(rng.permutation(120)[:70])


def by_scikit_learn(rows: np.ndarray, retained: np.ndarray, k: int) -> list[set[int]]:
    found = (
        NearestNeighbors(n_neighbors=k + 1)
        .fit(rows[retained].astype(np.float64))
        .kneighbors(rows.astype(np.float64), return_distance=False)
    )
    lists = [[int(r) for r in retained[one]] for one in found]
    return [set([r for r in one if r != row][:k]) for row, one in enumerate(lists)]


def test_neighbours_are_those_of_scikit_learn_without_the_sample_itself(cloud) -> None:
    rows, retained = cloud
    found = nearest_retained(rows, retained, 6)
    assert found.shape == (120, 6)
    assert [set(one.tolist()) for one in found] == by_scikit_learn(rows, retained, 6)
    distance = np.linalg.norm(rows[:, None].astype(float) - rows[found], axis=2)
    assert (np.diff(distance, axis=1) >= -1e-6).all(), "nearest first"


def test_blocks_change_nothing(cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, retained = cloud
    whole = nearest_retained(rows, retained, 6)
    monkeypatch.setattr(nearest, "BLOCK_NUMBERS", 70 * 11)
    assert (nearest_retained(rows, retained, 6) == whole).all()


def test_few_retain_samples_give_few_neighbours(cloud) -> None:
    rows, retained = cloud
    assert nearest_retained(rows, retained[:4], 15).shape == (120, 3)
    assert nearest_retained(rows, retained[:1], 15).shape == (120, 0)
    assert nearest_retained(rows, retained[:0], 15).shape == (120, 0)


def test_majority_counts_votes_and_lets_the_nearer_ones_decide_a_draw() -> None:
    labels = np.array([2, 2, 5, 5, 5, 0])
    lists = np.array([[0, 1, 2, 3], [2, 0, 3, 1], [5, 2, 3, 0], [5, 5, 5, 1]])
    assert majority(labels, lists).tolist() == [2, 5, 5, 0]
    assert majority(labels, np.empty((6, 0), np.int64)).tolist() == [-1] * 6


def test_a_draw_breaker_never_outweighs_a_vote() -> None:
    labels = np.array([0, 1])
    nearer_but_fewer = np.array([[0] * 7 + [1] * 8])
    assert majority(labels, nearer_but_fewer).tolist() == [1]
