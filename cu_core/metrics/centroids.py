"""Cosine similarity to class centroids: means, per sample, and between classes."""

from __future__ import annotations

import numpy as np

from cu_core.catalogue.metric_record import Evidence, Metric


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


def own_centroid_cosines(embedding: np.ndarray, labels: np.ndarray, retain: np.ndarray) -> np.ndarray:
    """Cosine of each sample to the centroid of the retain samples with its label.

    A centroid is the mean of L2-normalised embeddings. A retain sample has no part in its own centroid;
    otherwise it would seem nearer to it than samples that were never trained on.

    Args:
        embedding: (n, d) embeddings of all samples.
        labels: (n,) their labels.
        retain: (n,) bool, whether a sample is a retain sample.

    Returns:
        (n,) float32; NaN where no other retain sample has the label.
    """
    unit = _unit(embedding.astype(np.float64))
    classes, inverse = np.unique(labels, return_inverse=True)
    sums, counts = np.zeros((len(classes), unit.shape[1])), np.zeros(len(classes), np.int64)
    np.add.at(sums, inverse[retain], unit[retain])
    np.add.at(counts, inverse[retain], 1)
    centroid = sums[inverse] - np.where(retain[:, None], unit, 0.0)
    cosine = np.einsum("nd,nd->n", unit, _unit(centroid))
    cosine[counts[inverse] - retain == 0] = np.nan
    return cosine.astype(np.float32)


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
        means[label] = _unit(embedding[labels == label].astype(np.float64)).mean(0)
    return means


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _cosines(evidence: Evidence) -> tuple[float | None, float | None]:
    forget, retain = evidence.forget, evidence.retain
    return centroid_cosines(forget.embedding, forget.labels, retain.embedding, retain.labels)


OWN_CENTROID_COSINE = Metric(
    "own_centroid_cosine",
    "Cosine to own class",
    "Mean cosine of forget samples to the centroid of retained samples with their label.",
    lambda evidence: evidence.once(_cosines)[0],
    "forget",
    target="the reference",
    percent=False,
)
OTHER_CENTROID_COSINE = Metric(
    "other_centroid_cosine",
    "Cosine to nearest other class",
    "Mean cosine of forget samples to the nearest centroid of another class's retained samples.",
    lambda evidence: evidence.once(_cosines)[1],
    "forget",
    target="the reference",
    percent=False,
)
