"""Linear projections: principal and discriminant axes of round 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


@dataclass(frozen=True)
class Basis:
    """A linear map from embeddings to a few axes, fitted once on round 0.

    Attributes:
        mean: (d,) centre.
        axes: (k, d) directions; orthonormal for principal axes.
        explained: (k,) share of the variance of round 0 along each principal axis; of discriminant ones the share of
            the variance between the class means, each along what the axes before leave.
    """

    mean: np.ndarray
    axes: np.ndarray
    explained: np.ndarray

    def place(self, embedding: np.ndarray) -> np.ndarray:
        """(n, k) float32 coordinates of (n, d) embeddings; equal rows get equal coordinates in any batch."""
        centred = embedding.astype(np.float64) - self.mean
        # einsum, not BLAS: a matrix product may round a row differently depending on its neighbours.
        return np.einsum("nd,kd->nk", centred, self.axes).astype(np.float32)


def fit_basis(embedding: np.ndarray, n_components: int = 2) -> Basis:
    """Principal axes of the round-0 embeddings.

    Args:
        embedding: (n, d) with n ≥ 2.
        n_components: number of axes k.

    Returns:
        The basis; axes of zeros where d or n is smaller than k.
    """
    rows = embedding.astype(np.float64)
    pca = PCA(n_components=min(n_components, *rows.shape), svd_solver="full").fit(rows)
    axes, explained = np.zeros((n_components, rows.shape[1])), np.zeros(n_components)
    axes[: len(pca.components_)] = pca.components_ * _signs(pca.transform(rows))[:, None]
    explained[: len(pca.components_)] = np.nan_to_num(pca.explained_variance_ratio_)
    return Basis(pca.mean_, axes, explained)


def fit_discriminant(embedding: np.ndarray, labels: np.ndarray, n_components: int = 2) -> Basis:
    """Axes along which the classes of round 0 lie farthest apart (linear discriminant analysis, shrunken covariance).

    Args:
        embedding: (n, d).
        labels: (n,) classes, at least two of them.
        n_components: number of axes k.

    Returns:
        The basis; axes of zeros beyond the number of classes less one.
    """
    rows = embedding.astype(np.float64)
    found = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(rows, labels)
    parts = min(n_components, found.scalings_.shape[1], len(found.classes_) - 1)
    axes = np.zeros((n_components, rows.shape[1]))
    mean = rows.mean(0)
    scores = (rows - mean) @ found.scalings_[:, :parts]
    axes[:parts] = found.scalings_[:, :parts].T * _signs(scores)[:, None]
    # The ratios of the fit are of shrunken covariances; these are of the class means themselves.
    shares = np.zeros(n_components)
    means = (found.means_ - mean) * np.sqrt(found.priors_)[:, None]
    spread = float(np.square(means).sum())
    if spread:
        shares[:parts] = np.square(means @ np.linalg.qr(axes[:parts].T)[0]).sum(0) / spread
    return Basis(mean, axes, shares)


def principal_scores(embedding: np.ndarray, n_components: int) -> np.ndarray:
    """(n, k) float64 principal coordinates, the same for rotated embeddings; zeros beyond what there is."""
    rows = embedding.astype(np.float64)
    parts = min(n_components, *rows.shape)
    scores = PCA(parts, svd_solver="full").fit_transform(rows)
    padded = np.zeros((len(rows), n_components))
    padded[:, :parts] = scores * _signs(scores)
    return padded


def _signs(scores: np.ndarray) -> np.ndarray:
    """(k,) signs that turn the longer tail of each axis to the right: what an eigenvector's own sign cannot say."""
    return np.where((scores**3).sum(0) < 0, -1.0, 1.0)
