"""Linear CKA against its definition through Gram matrices, and its invariances."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.metrics.cka import linear_cka


def by_gram(x: np.ndarray, y: np.ndarray) -> float:
    """HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with K = X Xᵀ, L = Y Yᵀ and the centring matrix."""
    n = len(x)
    centre = np.eye(n) - 1 / n
    k, other = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    return float(np.sum(k * other) / np.sqrt(np.sum(k * k) * np.sum(other * other)))


def test_is_that_of_the_gram_matrices() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(2, 1, (40, 7)), rng.normal(-1, 3, (40, 5))
    y[:, :3] += x[:, :3]
    assert linear_cka(x, y) == pytest.approx(by_gram(x, y))


def test_wide_embeddings_take_the_other_way_to_the_same_number() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(2, 1, (12, 40)), rng.normal(-1, 3, (12, 5))
    y[:, :3] += x[:, :3]
    assert linear_cka(x, y) == pytest.approx(by_gram(x, y))
    # Columns of zeros change nothing but the way.
    narrow = np.concatenate([y, np.zeros((12, 30))], axis=1)
    assert linear_cka(y, x[:, :4]) == pytest.approx(linear_cka(narrow, x[:, :4]))


def test_rotation_scale_and_shift_change_nothing() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 6)).astype(np.float32)
    rotation, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    assert linear_cka(x, 3 * x @ rotation + 5) == pytest.approx(1, abs=1e-6)
    found = linear_cka(x, rng.normal(size=(30, 6)))
    assert found is not None and found < 0.6


def test_says_nothing_where_there_is_nothing() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(10, 3))
    assert linear_cka(x, np.full((10, 4), 0.3)) is None
    assert linear_cka(x[:1], x[:1]) is None
    assert linear_cka(x, np.empty((10, 0))) is None
    with pytest.raises(ValueError, match="same samples"):
        linear_cka(x, x[:5])
