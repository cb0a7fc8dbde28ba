"""Weighted nearest neighbours against scikit-learn, left out of their own vote, and with banks that are too small."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from cu_core.metrics import knn
from cu_core.metrics.knn import weighted_knn

CLASSES = 4


def drawn(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of uneven length around class centres, with their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    centres = np.random.default_rng(99).normal(size=(CLASSES, 6))
    features = (centres[labels] + rng.normal(size=(n, 6))) * rng.uniform(0.1, 30, (n, 1))
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels)


def sklearn_votes(bank, labels, queries, k, temperature):
    model = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda distance: np.exp((1 - distance) / temperature)
    )
    return model.fit(bank.double().numpy(), labels.numpy()).predict_proba(queries.double().numpy())


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (7, 0.1), (7, 0.9), (120, 0.07)])
def test_votes_equal_those_of_scikit_learn(k, temperature, monkeypatch):
    monkeypatch.setattr(knn, "_CHUNK", 1000)  # several chunks, the last one smaller
    bank, labels = drawn(120, 0)
    queries, _ = drawn(50, 1)
    got = weighted_knn(bank, labels, queries, k, temperature, CLASSES)
    assert got.dtype == torch.float32
    assert got.numpy() == pytest.approx(sklearn_votes(bank, labels, queries, k, temperature), abs=1e-5)


def test_more_neighbours_than_the_bank_has_are_all_of_it():
    bank, labels = drawn(30, 0)
    queries, _ = drawn(10, 1)
    got = weighted_knn(bank, labels, queries, 200, 0.1, CLASSES)
    assert got.numpy() == pytest.approx(sklearn_votes(bank, labels, queries, 30, 0.1), abs=1e-5)


@pytest.mark.parametrize("k", [3, 39, 200])
def test_a_query_in_the_bank_has_no_vote_on_itself(k, monkeypatch):
    monkeypatch.setattr(knn, "_CHUNK", 170)
    bank, labels = drawn(40, 0)
    stranger, _ = drawn(1, 5)
    queries, own = torch.cat([bank[[7, 3]], stranger]), torch.tensor([7, 3, -1])
    got = weighted_knn(bank, labels, queries, k, 0.1, CLASSES, own).numpy()
    for row, place in enumerate((7, 3)):
        rest = np.arange(40) != place
        expected = sklearn_votes(bank[rest], labels[rest], bank[[place]], min(k, 39), 0.1)
        assert got[row : row + 1] == pytest.approx(expected, abs=1e-5)
    assert got[2:] == pytest.approx(sklearn_votes(bank, labels, stranger, min(k, 40), 0.1), abs=1e-5)


def test_sharp_votes_of_far_neighbours_stay_finite():
    bank, labels = drawn(20, 0)
    got = weighted_knn(bank, labels, -bank, 20, 1e-3, CLASSES)
    assert torch.isfinite(got).all() and got.sum(1).numpy() == pytest.approx(1)


def test_where_nobody_votes_all_classes_are_alike():
    queries, _ = drawn(3, 0)
    none, no_label = queries[:0], torch.empty(0, dtype=torch.int64)
    assert (weighted_knn(none, no_label, queries, 5, 0.1, CLASSES) == 1 / CLASSES).all()
    alone = weighted_knn(queries[:1], torch.tensor([2]), queries, 5, 0.1, CLASSES, torch.tensor([0, -1, -1]))
    assert alone.tolist() == [[0.25] * 4, [0, 0, 1, 0], [0, 0, 1, 0]]
