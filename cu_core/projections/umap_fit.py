"""Fits umap-learn on a precomputed neighbour graph."""

from __future__ import annotations

import warnings

import numpy as np


def fit_umap(
    points: np.ndarray,
    nearest: np.ndarray,
    distance: np.ndarray,
    n_components: int,
    seed: int,
    *,
    start: np.ndarray | None = None,
    epochs: int | None = None,
) -> np.ndarray:
    """Lays points out (McInnes, Healy and Melville 2018, arXiv 1802.03426), reproducibly and on one core.

    Args:
        points: (n, d) embeddings.
        nearest: (n, k - 1) int64 rows of each point's neighbours, itself not among them.
        distance: (n, k - 1) their distances.
        n_components: number of axes.
        seed: of the layout.
        start: (n, n_components) float32 places to start from; spectral ones by default.
        epochs: of the layout; as many as umap-learn thinks right by default.

    Returns:
        (n, n_components) float32.
    """
    # Takes a second, and compiles for several more where it is first used.
    import umap  # noqa: PLC0415

    count = len(points)
    fit = umap.UMAP(
        n_neighbors=nearest.shape[1] + 1,
        n_components=n_components,
        n_epochs=epochs,
        init="spectral" if start is None else start,
        # The search in umap-learn compiles for half a minute, and up to 4,096 rows is slow by default.
        precomputed_knn=(
            np.column_stack([np.arange(count), nearest]),
            np.column_stack([np.zeros(count), distance]).astype(np.float32),
        ),
        force_approximation_algorithm=True,
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        # That nothing can be transformed later, which nobody asks of it.
        warnings.filterwarnings("ignore", message="precomputed_knn|.*transforming new data")
        # That classes lie apart, where a layout starts from the places of whole parts of the graph.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        return fit.fit_transform(points.astype(np.float32))
