"""Trustworthiness and continuity of a projection, from two distance matrices.

Source: Venna & Kaski, "Neighborhood preservation in nonlinear projection methods" (ICANN 2001) and "Local
multidimensional scaling" (Neural Networks 19, 2006), the equations of trustworthiness M1 and continuity M2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


class PairwiseDistances:
    """Squared Euclidean distances between the rows of one space.

    Rows that are equal have exactly equal distances to everything and zero between each other, which a plain matrix
    product does not promise; so ties that come from duplicates stay ties.

    Args:
        rows: (m, d) points.
    """

    def __init__(self, rows: np.ndarray) -> None:
        wide = np.asarray(rows)
        if not np.issubdtype(wide.dtype, np.floating) or wide.dtype.itemsize < 4:
            wide = wide.astype(np.float32)
        distinct, inverse = np.unique(wide, axis=0, return_inverse=True)
        self._inverse = inverse.reshape(-1)
        # Near its centre the difference of two large squares loses the fewest digits.
        self._points = distinct.astype(np.float64) - distinct.mean(0, dtype=np.float64)
        self._squares = np.einsum("nd,nd->n", self._points, self._points)

    def __len__(self) -> int:
        return len(self._inverse)

    def distances(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(stop - start, m) float64 squared distances from some rows to all; infinite from a row to itself."""
        inverse = self._inverse[start:stop]
        used, back = np.unique(inverse, return_inverse=True)
        squared = self._squares[used, None] + self._squares - 2 * (self._points[used] @ self._points.T)
        np.maximum(squared, 0, out=squared)
        squared[np.arange(len(used)), used] = 0
        if len(self._points) < len(self):
            squared = squared[back.reshape(-1)][:, self._inverse]
        else:
            squared = squared[np.ix_(back.reshape(-1), self._inverse)]
        squared[np.arange(len(inverse)), np.arange(start, start + len(inverse))] = np.inf
        return squared


def nearest(squared: np.ndarray, k: int) -> np.ndarray:
    """(m, k) columns of the k smallest entries of each row, in no particular order."""
    return np.argpartition(squared, k - 1, axis=1)[:, :k]


def preservation(judge: np.ndarray, used: np.ndarray) -> np.ndarray:
    """How well the neighbours found in one space hold in another, per row; 1 is perfect, 0 the worst possible.

    A neighbour that has rank r > k in the judging space costs r - k (Venna & Kaski). Ranks count what is strictly
    closer, so that a tie costs nothing. Columns at infinite distance (the row itself, other rounds of its sample)
    are no candidates; the cost is divided by the greatest possible among those that are.

    Args:
        judge: (m, m) squared distances in the space that says what is true.
        used: (m, k) neighbours found in the other space.

    Returns:
        (m,) float64.
    """
    m, k = used.shape
    own = np.take_along_axis(judge, used, axis=1)
    cost = np.zeros(m)
    for column in range(k):
        closer = np.count_nonzero(judge < own[:, column, None], axis=1)
        cost += np.maximum(closer + 1 - k, 0)
    candidates = np.count_nonzero(np.isfinite(judge), axis=1)
    return 1 - cost / (k * (2 * candidates - 3 * k + 1) / 2)


@dataclass(frozen=True)
class Agreement:
    """Neighbourhoods of a picture against those of the full space, per row.

    Attributes:
        trustworthiness: (m,) are plotted neighbours true neighbours.
        continuity: (m,) are true neighbours plotted near.
        plotted: (m, k) plotted neighbours.
    """

    trustworthiness: np.ndarray
    continuity: np.ndarray
    plotted: np.ndarray


def agreement(full: np.ndarray, flat: np.ndarray, k: int) -> Agreement:
    """Trustworthiness and continuity from the same two matrices; their means are scikit-learn's where no ties are.

    Args:
        full: (m, m) squared distances in the full space, infinite where a pair is not to be counted.
        flat: (m, m) the same in the picture, infinite at the same places.
        k: neighbours; fewer than half of the candidates of every row.
    """
    plotted = nearest(flat, k)
    return Agreement(preservation(full, plotted), preservation(flat, nearest(full, k)), plotted)
