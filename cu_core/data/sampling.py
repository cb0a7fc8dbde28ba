"""Seeded draws that decide which images and labels a dataset consists of."""

from __future__ import annotations

import numpy as np

# Separate streams, so that asking for label noise does not change which samples were split off.
SPLIT, SUBSET, NOISE, FORGET = range(4)


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The random generator of one purpose for one seed."""
    return np.random.default_rng([seed, purpose])


def stratified_split(labels: np.ndarray, test_size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits samples so that both parts have the classes' shares of the whole.

    Args:
        labels: (n,) integers.
        test_size: samples in the second part; the exact total where every class has two samples.
        seed: decides who goes where.

    Returns:
        Sorted indices of the first and of the second part. A class with at least two samples has
        at least one in each.
    """
    generator = stream(seed, SPLIT)
    counts = np.bincount(labels)
    exact = counts * (test_size / len(labels))
    quota = np.floor(exact).astype(int)
    by_remainder = np.argsort(-(exact - quota), kind="stable")
    quota[by_remainder[: test_size - quota.sum()]] += 1
    quota = np.clip(quota, np.minimum(counts, 1), np.maximum(counts - 1, 0))
    chosen = [generator.permutation(np.flatnonzero(labels == c))[: quota[c]] for c in range(len(counts))]
    test = np.sort(np.concatenate(chosen))
    return np.setdiff1d(np.arange(len(labels)), test), test


def balanced_subset(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Sorted indices of `size` samples, the same number of each class as far as there are enough.

    Args:
        labels: (n,) integers.
        size: how many to draw; at least n draws all.
        seed: decides which.
    """
    if size >= len(labels):
        return np.arange(len(labels))
    generator = stream(seed, SUBSET)
    counts = np.bincount(labels)
    quota = np.zeros_like(counts)
    while (missing := size - int(quota.sum())) > 0:
        open_classes = np.flatnonzero(quota < counts)
        share, rest = divmod(missing, len(open_classes))
        # The remainder is given out last: before that, some classes may turn out to have too few.
        quota[open_classes if share else open_classes[:rest]] += max(share, 1)
        quota = np.minimum(quota, counts)
    chosen = [generator.permutation(np.flatnonzero(labels == c))[: quota[c]] for c in range(len(counts))]
    return np.sort(np.concatenate(chosen))


def noisy_labels(labels: np.ndarray, classes: int, share: float, seed: int) -> np.ndarray:
    """Labels of which `share` were replaced by a wrong class, uniform over the wrong ones.

    Args:
        labels: (n,) int64, the truth.
        classes: number of classes.
        share: 0..1; rounded to whole samples.
        seed: decides which samples and which classes.
    """
    generator = stream(seed, NOISE)
    chosen = generator.permutation(len(labels))[: round(share * len(labels))]
    noisy = labels.copy()
    noisy[chosen] = (labels[chosen] + generator.integers(1, classes, size=len(chosen))) % classes
    return noisy
