"""Nearest reference rows of other samples, exact and the same for a row in any company."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cu_core.metrics.nearest import nearest_rows

SPARE = 8
"""Candidates beyond those asked for; float32 may rank the last ones wrongly, their exact distances do not."""

MOST_GAPS = 8_000_000
"""Differences of coordinates held at once (64 MB in float64)."""


@dataclass(frozen=True)
class Rows:
    """Embeddings with the sample that each belongs to.

    Attributes:
        embedding: (r, d) float32.
        owner: (r,) int64, ascending: rows of one sample lie together.
    """

    embedding: np.ndarray
    owner: np.ndarray

    def __post_init__(self) -> None:
        if len(self.owner) > 1 and (np.diff(self.owner) < 0).any():
            raise ValueError("rows must be sorted by owner")


def nearest_others(
    queries: np.ndarray, query_owner: np.ndarray, reference: Rows, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other samples of each query, each with its nearest row.

    A sample's own rows never count as its neighbours, and another sample counts once: otherwise a sample that
    moves little would fill the list with its own other rounds.

    Args:
        queries: (m, d).
        query_owner: (m,) int64 sample of each query; -1 for none of the reference's.
        reference: the rows to search.
        k: neighbours; fewer where there are not as many other samples.

    Returns:
        (m, k) int64 rows of the reference, nearest first, and distances (m, k) float64.

    Raises:
        ValueError: the reference holds no other sample.
    """
    starts = np.flatnonzero(np.r_[True, np.diff(reference.owner) > 0])
    owners = reference.owner[starts]
    k = min(k, len(owners) - 1)
    if k < 1:
        raise ValueError("at least two samples are needed")
    wanted = min(k + SPARE, len(owners) - 1)
    # Far from the origin, float32 loses the small differences that distances are made of.
    centre = reference.embedding.mean(0, dtype=np.float64)
    base = np.subtract(reference.embedding, centre, dtype=np.float32)
    candidate = np.searchsorted(owners, query_owner).clip(max=len(owners) - 1)
    own = np.where(owners[candidate] == query_owner, candidate, -1)
    groups = None if len(starts) == len(reference.owner) else starts
    found = nearest_rows(np.subtract(queries, centre, dtype=np.float32), base, wanted, own=own, starts=groups)
    return _exact(queries, found, reference, starts, k)


def _exact(
    queries: np.ndarray, groups: np.ndarray, reference: Rows, starts: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks candidate samples by the exact distance of their nearest row; equal ones by their row."""
    most = max(1, MOST_GAPS // (groups.shape[1] * queries.shape[1]))
    if len(queries) > most:
        parts = [slice(start, start + most) for start in range(0, len(queries), most)]
        found = [_exact(queries[part], groups[part], reference, starts, k) for part in parts]
        return np.concatenate([rows for rows, _ in found]), np.concatenate([distances for _, distances in found])
    groups = np.sort(groups, axis=1)
    counts = np.diff(np.r_[starts, len(reference.owner)])[groups]
    best = np.full(groups.shape, np.inf)
    which = np.zeros(groups.shape, np.int64)
    # Most samples have one row; those with more are compared again, row by row.
    for turn in range(int(counts.max())):
        query, candidate = np.nonzero(counts > turn)
        row = starts[groups[query, candidate]] + turn
        gap = queries[query].astype(np.float64) - reference.embedding[row]
        distance = np.sqrt(np.einsum("nd,nd->n", gap, gap))
        nearer = distance < best[query, candidate]
        best[query[nearer], candidate[nearer]] = distance[nearer]
        which[query[nearer], candidate[nearer]] = row[nearer]
    order = np.argsort(best, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(which, order, 1), np.take_along_axis(best, order, 1)
