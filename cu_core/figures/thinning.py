"""Subsampling of points that a figure can show."""

from __future__ import annotations

import numpy as np

MOST_POINTS = 5000
"""Samples drawn by default; more make the browser slow without showing more."""


def choose_points(groups: np.ndarray, limit: int = MOST_POINTS) -> np.ndarray:
    """Rows to draw: all where they fit, else every forget sample up to half and an even share of the rest.

    Args:
        groups: (n,) group names.
        limit: most points.

    Returns:
        (m,) int64 rows in ascending order, the same for the same input.
    """
    if len(groups) <= limit:
        return np.arange(len(groups))
    forget, rest = np.flatnonzero(groups == "forget"), np.flatnonzero(groups != "forget")
    kept = _evenly(forget, max(limit // 2, limit - len(rest)))
    return np.sort(np.concatenate([kept, _evenly(rest, limit - len(kept))]))


def _evenly(rows: np.ndarray, size: int) -> np.ndarray:
    if size >= len(rows):
        return rows
    return rows[np.floor((np.arange(size) + 0.5) * len(rows) / size).astype(np.int64)]
