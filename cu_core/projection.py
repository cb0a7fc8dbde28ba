"""From embeddings to a picture: one basis for all rounds, and numbers that say how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

NEIGHBOURS = 15
SUBSAMPLE = 1000


@dataclass(frozen=True)
class Basis:
    """A linear map from embeddings to the plane, fitted once on round 0.

    Attributes:
        mean: (d,) centre.
        axes: (2, d) orthonormal directions.
        explained: (2,) share of the variance of round 0 along each.
    """

    mean: np.ndarray
    axes: np.ndarray
    explained: np.ndarray

    def place(self, embedding: np.ndarray) -> np.ndarray:
        """(n, 2) float32 coordinates of (n, d) embeddings; equal rows get equal coordinates in any batch."""
        centred = embedding.astype(np.float64) - self.mean
        # einsum, not BLAS: a matrix product may round a row differently depending on its neighbours.
        return np.einsum("nd,kd->nk", centred, self.axes).astype(np.float32)


def fit_basis(embedding: np.ndarray) -> Basis:
    """Principal axes of the round-0 embeddings.

    Args:
        embedding: (n, d) with n ≥ 2.

    Returns:
        The basis; a second axis of zeros where d is 1.
    """
    rows = embedding.astype(np.float64)
    pca = PCA(n_components=min(2, *rows.shape), svd_solver="full").fit(rows)
    axes, explained = np.zeros((2, rows.shape[1])), np.zeros(2)
    axes[: len(pca.components_)] = pca.components_
    explained[: len(pca.components_)] = np.nan_to_num(pca.explained_variance_ratio_)
    return Basis(pca.mean_, axes, explained)


def fidelity(embedding: np.ndarray, coordinates: np.ndarray, *, seed: int = 0) -> dict[str, float | None]:
    """Trustworthiness and continuity of a picture at 15 neighbours.

    Trustworthiness (Venna & Kaski): are plotted neighbours true neighbours; continuity is the same with
    the roles swapped: are true neighbours plotted near. Both 0..1, on at most 1,000 samples.

    Args:
        embedding: (n, d) full-space embeddings.
        coordinates: (n, 2) plotted.
        seed: seed of the subsample.

    Returns:
        ``trustworthiness``, ``continuity``, ``samples`` (how many were used); None where there are too few.
    """
    n = len(embedding)
    rows = np.random.default_rng(seed).permutation(n)[:SUBSAMPLE]
    if len(rows) < 2 * NEIGHBOURS + 2:
        return {"trustworthiness": None, "continuity": None, "samples": float(len(rows))}
    full, flat = embedding[rows].astype(np.float32), coordinates[rows]
    return {
        "trustworthiness": float(trustworthiness(full, flat, n_neighbors=NEIGHBOURS)),
        "continuity": float(trustworthiness(flat, full, n_neighbors=NEIGHBOURS)),
        "samples": float(len(rows)),
    }


def align(embedding: np.ndarray, target: np.ndarray, anchor: np.ndarray) -> tuple[np.ndarray, float]:
    """Rotates another model's embeddings onto a target (orthogonal Procrustes on anchor rows).

    Args:
        embedding: (n, d) of the other model.
        target: (n, d) to align to, same samples.
        anchor: (k,) rows that define the rotation, e.g. retain samples.

    Returns:
        The aligned (n, d) embeddings and the residual on the anchors: the share of their spread that
        the rotation cannot explain (0: same up to rotation; 1 or more: unrelated).
    """
    source, goal = embedding.astype(np.float64), target.astype(np.float64)
    source_mean, goal_mean = source[anchor].mean(0), goal[anchor].mean(0)
    a, b = source[anchor] - source_mean, goal[anchor] - goal_mean
    rotation, _ = orthogonal_procrustes(a, b)
    spread = np.linalg.norm(b)
    residual = float(np.linalg.norm(a @ rotation - b) / spread) if spread else 0.0
    return (source - source_mean) @ rotation + goal_mean, residual
