"""How alike recorded embeddings are: to the own class's centroid, and class by class."""

from __future__ import annotations

import numpy as np


def own_centroid_cosine(embedding: np.ndarray, labels: np.ndarray, retain: np.ndarray) -> np.ndarray:
    """Cosine of each sample to the centroid of the retain samples of its label.

    Centroids are means of L2-normalised embeddings. A retain sample's own row is left out of its centroid, so
    that it is compared with others like every other sample is.

    Args:
        embedding: (n, d) embeddings.
        labels: (n,) int class labels.
        retain: (n,) bool, which samples make the centroids.

    Returns:
        (n,) float32; NaN where no (other) retain sample has the label.
    """
    unit = _unit(embedding)
    found = np.full(len(unit), np.nan, np.float32)
    for label in np.unique(labels[retain]):
        inside = labels == label
        members = inside & retain
        total = unit[members].sum(0)
        # The direction of a sum is that of the mean, so the count is needed only to see whether any is left.
        centroids = total - unit[inside] * members[inside, None]
        left = members.sum() - members[inside]
        cosine = (unit[inside] * _unit(centroids)).sum(1)
        found[inside] = np.where(left > 0, cosine, np.nan)
    return found


def class_similarity(
    first: np.ndarray, first_labels: np.ndarray, second: np.ndarray, second_labels: np.ndarray, classes: int
) -> np.ndarray:
    """Mean cosine between all samples of a class on one side and all samples of a class on the other.

    The mean over all pairs equals the product of the two means of unit vectors, so no pair is formed.

    Args:
        first: (n, d) embeddings, the rows.
        first_labels: (n,) int labels in 0..classes-1.
        second: (m, d) embeddings of other samples, the columns.
        second_labels: (m,) int labels in 0..classes-1.
        classes: number of classes C.

    Returns:
        (C, C) float64; NaN where a class has no sample on its side.
    """
    return _class_means(first, first_labels, classes) @ _class_means(second, second_labels, classes).T


def _class_means(embedding: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    means = np.full((classes, embedding.shape[1]), np.nan)
    for label in np.unique(labels):
        means[label] = _unit(embedding[labels == label]).mean(0)
    return means


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
