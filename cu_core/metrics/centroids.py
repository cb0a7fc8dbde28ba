"""Cosine of forget samples to the centroids of retained classes."""

from __future__ import annotations

import numpy as np


def centroid_cosines(
    forget: np.ndarray, forget_labels: np.ndarray, retain: np.ndarray, retain_labels: np.ndarray
) -> tuple[float | None, float | None]:
    """Mean cosine to the own class's centroid and to the nearest other class's centroid.

    Centroids are means of L2-normalised retain embeddings by label.

    Args:
        forget: (n, d) embeddings of forget samples.
        forget_labels: (n,) their labels.
        retain: (m, d) embeddings of retain samples.
        retain_labels: (m,) their labels.

    Returns:
        (own, other); own is over the forget samples whose class has retained samples and None if there
        are none (as in class forgetting), other is None if no other class has retained samples.
    """
    classes = np.unique(retain_labels)
    if len(forget) == 0 or len(classes) == 0:
        return None, None
    # Class by class: all retain samples in double precision would be gigabytes for wide embeddings.
    centroids = _unit(np.stack([_unit(retain[retain_labels == c].astype(np.float64)).mean(0) for c in classes]))
    cosine = _unit(forget.astype(np.float64)) @ centroids.T
    own = forget_labels[:, None] == classes[None, :]
    has_own, has_other = own.any(1), (~own).any(1)
    own_mean = float(cosine[own].mean()) if has_own.any() else None
    other_mean = float(np.where(own, -np.inf, cosine)[has_other].max(1).mean()) if has_other.any() else None
    return own_mean, other_mean


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
