"""Nearest retain samples of every sample, and their majority class."""

from __future__ import annotations

import numpy as np

from cu_core.metrics.nearest import nearest_rows


def nearest_retained(embedding: np.ndarray, retained: np.ndarray, k: int) -> np.ndarray:
    """Each sample's nearest retain samples, itself left out.

    Args:
        embedding: (n, d).
        retained: (m,) rows of the retain samples, ascending.
        k: neighbours; fewer where there are not as many other retain samples.

    Returns:
        (n, k') int64 rows, nearest first; k' is 0 where there is no second retain sample.
    """
    k = min(k, len(retained) - 1)
    if k < 1:
        return np.empty((len(embedding), 0), np.int64)
    rows = np.asarray(embedding).astype(np.float32)
    # Far from the origin, float32 loses the small differences that distances are made of.
    rows = rows - rows[retained].mean(0)
    own = np.full(len(rows), -1)
    own[retained] = np.arange(len(retained))
    return np.asarray(retained, np.int64)[nearest_rows(rows, rows[retained], k, own=own)]


def majority(labels: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """The class that most neighbours have; of equally many the one whose neighbours are nearer.

    Args:
        labels: (n,) int from 0.
        neighbours: (n, k) rows, nearest first.

    Returns:
        (n,) int64; -1 where there are no neighbours.
    """
    n, k = neighbours.shape
    if k == 0:
        return np.full(n, -1, np.int64)
    # Far less than one vote in total, so that it decides between equals alone.
    weight = 1 + np.arange(k, 0, -1) / (k + 1) ** 3
    votes = np.zeros((n, int(labels.max()) + 1))
    for rank in range(k):
        votes[np.arange(n), labels[neighbours[:, rank]]] += weight[rank]
    return votes.argmax(1)
