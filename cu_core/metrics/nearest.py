"""Exact nearest-neighbour search in blocks, in NumPy."""

from __future__ import annotations

import numpy as np

BLOCK_NUMBERS = 16_000_000
"""Distances held at once (64 MB in float32)."""


def nearest_rows(
    queries: np.ndarray, base: np.ndarray, k: int, *, own: np.ndarray | None = None, starts: np.ndarray | None = None
) -> np.ndarray:
    """The nearest rows of a base, or its nearest groups of rows, by Euclidean distance in float32.

    Far from the origin float32 loses the small differences that distances are made of: bring both near it before.

    Args:
        queries: (m, d) float32.
        base: (r, d) float32.
        k: neighbours, at most as many as there are rows or groups to choose from.
        own: (m,) int64 row or group that does not count for a query, -1 for none; all count by default.
        starts: (g,) int64 first rows of groups that lie together; a group is as near as its nearest row. By default
            each row is a group of its own.

    Returns:
        (m, k) int64 rows or groups, nearest first; of equally near ones in no particular order.
    """
    squares = np.square(base).sum(1)
    found = np.empty((len(queries), k), np.int64)
    step = max(1, BLOCK_NUMBERS // len(base))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        # Short of each query's own square, which does not change the ranks.
        near = squares - 2 * (queries[part] @ base.T)
        if starts is not None:
            near = np.minimum.reduceat(near, starts, axis=1)
        if own is not None:
            mine = own[part]
            inside = np.flatnonzero(mine >= 0)
            near[inside, mine[inside]] = np.inf
        chosen = np.argpartition(near, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(near, chosen, 1), axis=1, kind="stable")
        found[part] = np.take_along_axis(chosen, order, 1)
    return found
