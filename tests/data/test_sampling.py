"""Splits, subsets and label noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cu_core.data.sampling import balanced_subset, noisy_labels, stratified_split

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=80).map(lambda x: np.array([*x, 0, 0, 1, 1]))


@given(LABELS, st.floats(0.05, 0.5), st.integers(0, 99))
def test_split_is_a_partition_with_the_classes_shares(labels, share, seed):
    size = max(1, round(share * len(labels)))
    first, second = stratified_split(labels, size, seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    assert np.all(np.diff(first) > 0) and np.all(np.diff(second) > 0)
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        there = np.sum(labels[second] == label)
        if count >= 2:
            assert 1 <= there <= count - 1
            assert abs(there - count * size / len(labels)) <= 1


def test_split_has_the_exact_size_and_depends_on_the_seed_alone():
    labels = np.arange(1797) % 10
    first, second = stratified_split(labels, 500, 3)
    assert (len(first), len(second)) == (1297, 500)
    np.testing.assert_array_equal(second, stratified_split(labels, 500, 3)[1])
    assert not np.array_equal(second, stratified_split(labels, 500, 4)[1])


# A class that runs short must not send the remainder twice to the same other class.
@example(np.repeat([0, 1, 2], [3, 9, 9]), 11, 0)
@given(LABELS, st.integers(1, 100), st.integers(0, 99))
def test_subset_is_balanced_as_far_as_there_are_enough(labels, size, seed):
    chosen = balanced_subset(labels, size, seed)
    assert len(chosen) == len(set(chosen)) == min(size, len(labels))
    have, taken = np.bincount(labels), np.bincount(labels[chosen], minlength=labels.max() + 1)
    # A class gets less than the most generously treated one only if it is used up, give or take the remainder.
    for all_of_it, part in zip(have, taken, strict=True):
        assert part == all_of_it or part >= taken.max() - 1


def test_subset_depends_on_the_seed():
    labels = np.arange(300) % 3
    np.testing.assert_array_equal(balanced_subset(labels, 30, 5), balanced_subset(labels, 30, 5))
    assert not np.array_equal(balanced_subset(labels, 30, 5), balanced_subset(labels, 30, 6))


@given(st.integers(2, 6), st.floats(0, 0.5), st.integers(0, 99))
def test_noise_replaces_exactly_the_share_by_wrong_classes(classes, share, seed):
    truth = np.arange(200) % classes
    noisy = noisy_labels(truth, classes, share, seed)
    assert np.sum(noisy != truth) == round(share * 200)
    assert noisy.min() >= 0 and noisy.max() < classes
    np.testing.assert_array_equal(truth, np.arange(200) % classes)


def test_noise_is_uniform_over_the_wrong_classes():
    noisy = noisy_labels(np.zeros(40_000, dtype=np.int64), 5, 0.5, 0)
    counts = np.bincount(noisy[noisy != 0], minlength=5)[1:]
    # 20,000 draws over 4 classes: 5,000 each with standard deviation 61.
    assert np.abs(counts - 5000).max() < 5 * 61


@pytest.mark.parametrize("seed", [0, 1])
def test_asking_for_noise_does_not_move_the_split(seed):
    labels = np.arange(100) % 4
    before = stratified_split(labels, 20, seed)[1]
    noisy_labels(labels, 4, 0.3, seed)
    np.testing.assert_array_equal(before, stratified_split(labels, 20, seed)[1])
