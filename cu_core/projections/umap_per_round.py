"""UMAP of every round separately, as a baseline; not comparable between rounds.

Source: McInnes, Healy and Melville (arXiv 1802.03426), as in umap-learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cu_core.projections.distinct import each_by_itself
from cu_core.projections.nearest_samples import Rows, nearest_others
from cu_core.projections.umap_fit import fit_umap

NEIGHBOURS = 15


def place_rounds(rounds: Sequence[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    """Fits one UMAP per round, each with the same seed.

    Equal embeddings of one round share a place, and equal rounds have equal pictures.

    Args:
        rounds: (n, d) embeddings, one array per round.
        n_components: 2 or 3.
        seed: of each fit.

    Returns:
        Per round (n, n_components) float32.

    Raises:
        BadInput: a round with too few distinct embeddings.
    """
    return each_by_itself(rounds, lambda points: _fitted(points.astype(np.float32), n_components, seed))


def _fitted(points: np.ndarray, n_components: int, seed: int) -> np.ndarray:
    own = np.arange(len(points))
    nearest, distance = nearest_others(points, own, Rows(points, own), NEIGHBOURS - 1)
    return fit_umap(points, nearest, distance, n_components, seed)
