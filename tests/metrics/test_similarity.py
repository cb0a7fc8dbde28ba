"""Cosines to centroids and between classes, against loops over pairs."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.metrics.centroids import centroid_cosines, class_similarity, own_centroid_cosines

RNG = np.random.default_rng(0)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_own_centroid_cosine_equals_a_loop_and_leaves_a_retain_samples_own_row_out() -> None:
    embedding = RNG.normal(size=(30, 5)).astype(np.float16)
    labels = RNG.integers(0, 3, 30)
    retain = np.arange(30) < 18
    found = own_centroid_cosines(embedding, labels, retain)
    rows = embedding.astype(np.float64)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for i in range(30):
        others = [unit[k] for k in range(30) if retain[k] and k != i and labels[k] == labels[i]]
        assert found[i] == pytest.approx(cosine(rows[i], np.mean(others, axis=0)), abs=1e-6)


def test_the_mean_over_forget_samples_is_the_metric_of_the_run() -> None:
    embedding, labels = RNG.normal(size=(40, 6)), np.arange(40) % 4
    retain = np.arange(40) < 25
    expected, _ = centroid_cosines(embedding[~retain], labels[~retain], embedding[retain], labels[retain])
    assert own_centroid_cosines(embedding, labels, retain)[~retain].mean() == pytest.approx(expected)


def test_without_another_retain_sample_of_the_class_there_is_no_centroid() -> None:
    embedding = RNG.normal(size=(4, 3))
    found = own_centroid_cosines(embedding, np.array([0, 0, 1, 2]), np.array([True, True, True, False]))
    assert np.isfinite(found[:2]).all() and np.isnan(found[2:]).all()


def test_class_similarity_is_the_mean_cosine_of_all_pairs() -> None:
    first, second = RNG.normal(size=(12, 4)).astype(np.float16), RNG.normal(size=(15, 4)).astype(np.float16)
    first_labels, second_labels = RNG.integers(0, 2, 12), RNG.integers(1, 4, 15)
    found = class_similarity(first, first_labels, second, second_labels, 4)
    for row in range(4):
        for column in range(4):
            pairs = [
                cosine(a.astype(float), b.astype(float))
                for a in first[first_labels == row]
                for b in second[second_labels == column]
            ]
            expected = np.mean(pairs) if pairs else np.nan
            assert found[row, column] == pytest.approx(expected, abs=1e-9, nan_ok=True)
