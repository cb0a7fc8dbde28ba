"""Deduplication of embeddings before a fit: equal rows break t-SNE and UMAP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.base.errors import BadInput

FEWEST = 20
"""Distinct embeddings below which t-SNE and UMAP have no neighbourhoods of 15 to keep."""


@dataclass(frozen=True)
class Distinct:
    """The distinct rows of one round.

    Attributes:
        points: (m, d) in an order that does not depend on that of the samples.
        inverse: (n,) row in `points` of each sample.
    """

    points: np.ndarray
    inverse: np.ndarray

    def spread(self, coordinates: np.ndarray) -> np.ndarray:
        """(n, k) float32 coordinates of all samples from the (m, k) of the distinct rows."""
        return np.asarray(coordinates, np.float32)[self.inverse]


def distinct_rows(rows: np.ndarray, number: int) -> Distinct:
    """Finds the distinct rows of round `number`.

    Raises:
        BadInput: fewer than `FEWEST` of them, as in a small probe or a collapsed model.
    """
    points, inverse = np.unique(rows, axis=0, return_inverse=True)
    if len(points) < FEWEST:
        raise BadInput(
            "rounds", f"round {number} has {len(points)} distinct embeddings; this picture needs {FEWEST} or more"
        )
    return Distinct(points, inverse.reshape(-1))


def each_by_itself(rounds: Sequence[np.ndarray], fit: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """Fits every round alone.

    Equal embeddings of one round share a place, and equal rounds have equal pictures.

    Args:
        rounds: (n, d) embeddings, one array per round.
        fit: makes (m, k) coordinates of (m, d) distinct embeddings, the same ones for the same input.

    Returns:
        Per round (n, k) float32.

    Raises:
        BadInput: a round with too few distinct embeddings.
    """
    found = (distinct_rows(rows, number) for number, rows in enumerate(rounds))
    return [distinct.spread(fit(distinct.points)) for distinct in found]
