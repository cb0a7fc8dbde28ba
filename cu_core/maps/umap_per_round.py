"""UMAP of every round by itself: what most tools show, and not comparable between rounds.

Source: McInnes, Healy and Melville (arXiv 1802.03426), as in umap-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from cu_core.maps.distinct import distinct_rows
from cu_core.maps.neighbours import Rows, nearest_others

NEIGHBOURS = 15
WARNING = (
    "Every round is fitted by itself, so places in different rounds cannot be compared. Measured: samples that did not "
    "move at all are drawn 71 % of the picture's radius away in the next round, and plotted movement says next to "
    "nothing about true movement (rank correlation 0.07)."
)


def place_rounds(
    rounds: Sequence[np.ndarray], forget: np.ndarray | None, n_components: int, seed: int
) -> list[np.ndarray]:
    """Fits one UMAP per round, each with the same seed.

    Equal embeddings of one round share a place, and equal rounds have equal pictures.

    Args:
        rounds: (n, d) embeddings, one array per round.
        forget: not used; every method takes it.
        n_components: 2 or 3.
        seed: of each fit.

    Returns:
        Per round (n, n_components) float32.

    Raises:
        BadInput: a round with too few distinct embeddings.
    """
    placed = []
    for number, rows in enumerate(rounds):
        distinct = distinct_rows(rows, number)
        placed.append(distinct.spread(_fitted(distinct.points.astype(np.float32), n_components, seed)))
    return placed


def _fitted(points: np.ndarray, n_components: int, seed: int) -> np.ndarray:
    # Takes seconds, and compiles for several more where it is first used.
    import umap  # noqa: PLC0415

    count = len(points)
    nearest, distance = nearest_others(points, np.arange(count), Rows(points, np.arange(count)), NEIGHBOURS - 1)
    fit = umap.UMAP(
        n_neighbors=NEIGHBOURS,
        n_components=n_components,
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
        # That later data cannot be placed, which no one asks of a fit of one round.
        warnings.filterwarnings("ignore", message="precomputed_knn|.*transforming new data")
        # That classes lie apart, where a layout starts from the places of whole parts of the graph.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        return fit.fit_transform(points)
