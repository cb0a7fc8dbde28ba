"""Exact distances of samples to the decision boundary of the linear head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_HEAD_BYTES = 1_000_000
"""A last layer larger than this is not recorded: of many classes on wide features it would outweigh the samples."""

MOST_FOR_AXES = 2000
"""Samples from which a principal axis is taken."""

READS = ("embedding", "relu", "unit")
"""What a head reads: the recorded embedding, or its positive part."""


def head_input(embedding: np.ndarray, reads: str) -> np.ndarray:
    """What the last layer reads, from the recorded embedding.

    Args:
        embedding: (n, d).
        reads: one of `READS`, as in a manifest's ``boundary``.

    Returns:
        (n, d) float32.

    Raises:
        ValueError: an unknown word.
    """
    if reads not in READS:
        raise ValueError(f"{reads!r} is not one of {READS}")
    values = np.asarray(embedding).astype(np.float32)
    if reads == "unit":
        return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return np.maximum(values, 0) if reads == "relu" else values


def logit_gap(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Logit of the label minus the highest other logit: the side of the boundary, without a distance.

    Args:
        logits: (n, C).
        labels: (n,) int in 0..C-1.

    Returns:
        (n,) float32, positive where the sample is predicted as labelled; NaN where there is no other class.
    """
    own, other = _own_and_strongest(np.asarray(logits, np.float64), labels)
    rows = np.arange(len(own))
    values = np.asarray(logits, np.float64)
    gap = values[rows, own] - values[rows, other] if values.shape[1] > 1 else np.full(len(own), np.nan)
    return np.where(np.isfinite(gap), gap, np.nan).astype(np.float32)


def signed_distances(logits: np.ndarray, weight: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Distance of each sample to the plane where its label and the strongest other class are equally likely.

    A linear layer z = W h + b draws a flat boundary between two classes y and o: the points with z_y = z_o. A point h
    is (z_y - z_o) / ‖w_y - w_o‖ away from it along the normal w_y - w_o (the distance of a point to a hyperplane,
    e.g. Bishop, Pattern Recognition and Machine Learning, section 4.1.1).

    Args:
        logits: (n, C) outputs of that layer; -inf for classes that no sample can be given to.
        weight: (C, d) its weights W.
        labels: (n,) int in 0..C-1.

    Returns:
        (n,) float32 in the unit of what the layer reads; > 0 where the sample is predicted as labelled. NaN where
        there is no boundary: no other class, one with the same weights, or a label that cannot be predicted.
    """
    values = np.asarray(logits, np.float64)
    own, other = _own_and_strongest(values, labels)
    if values.shape[1] < 2:
        return np.full(len(values), np.nan, np.float32)
    rows = np.arange(len(values))
    # There are far fewer pairs of classes than samples, so each normal is formed once.
    pairs, which = np.unique(own * values.shape[1] + other, return_inverse=True)
    first, second = np.divmod(pairs, values.shape[1])
    normals = np.linalg.norm(weight[first].astype(np.float64) - weight[second].astype(np.float64), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = (values[rows, own] - values[rows, other]) / normals[which]
    return np.where(np.isfinite(distance), distance, np.nan).astype(np.float32)


def nearest_centroid_head(
    embedding: np.ndarray, labels: np.ndarray, retain: np.ndarray, forget: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest-centroid classifier of unit embeddings, as a linear layer.

    A point is nearer to centroid m_a than to m_b where m_a·x - ‖m_a‖²/2 > m_b·x - ‖m_b‖²/2, so weights m and biases
    -‖m‖²/2 give the same classes, and the plane between two of them bisects the way between their centroids (Mensink
    et al., Distance-Based Image Classification, IEEE TPAMI 2013, section 3.2).

    Args:
        embedding: (n, d); made unit here.
        labels: (n,) int in 0..classes-1.
        retain: (n,) bool; centroids are the means of these.
        forget: (n,) bool; they stand in for classes without retain samples, as forgotten ones.
        classes: C.

    Returns:
        W (C, d) and bias (C,) float32; a class without any sample has zeros and a bias of -inf.
    """
    rows = np.asarray(embedding, np.float64)
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    weight, bias = np.zeros((classes, rows.shape[1])), np.full(classes, -np.inf)
    for label in range(classes):
        members = (labels == label) & retain
        if not members.any():
            members = (labels == label) & forget
        if members.any():
            weight[label] = unit[members].mean(0)
            bias[label] = -np.square(weight[label]).sum() / 2
    return weight.astype(np.float32), bias.astype(np.float32)


@dataclass(frozen=True)
class ClassPlane:
    """Samples seen from the side of one boundary.

    Attributes:
        across: (n,) float32 signed distance to the boundary of the two classes, positive on the first one's side.
        along: (n,) float32 position on `direction`, which lies in the boundary; it changes nothing about the classes.
        direction: (d,) float32 unit vector.
        explained: share of the samples' variance within the boundary that `along` shows, 0..1; None where they do
            not vary there.
    """

    across: np.ndarray
    along: np.ndarray
    direction: np.ndarray
    explained: float | None


def class_pair_plane(
    inputs: np.ndarray, head: np.ndarray, first: int, second: int, direction: np.ndarray | None = None
) -> ClassPlane:
    """The plane of two classes: exact across their boundary, the widest spread along it.

    Args:
        inputs: (n, d) what the head reads, see `head_input`.
        head: (C, d + 1) weights and, in the last column, biases.
        first: a class.
        second: another class.
        direction: (d,) of another round's plane. The head turns from round to round, so what of this direction lies
            in this round's boundary is taken; without one it is the first principal component there.

    Raises:
        ValueError: two classes that this head does not tell apart.
    """
    points, layer = np.asarray(inputs, np.float64), np.asarray(head, np.float64)
    normal = layer[first, :-1] - layer[second, :-1]
    length = np.linalg.norm(normal)
    if first == second or not length > 0 or not np.isfinite(layer[[first, second], -1]).all():
        raise ValueError(f"there is no boundary between class {first} and class {second}")
    unit = normal / length
    across = points @ unit + (layer[first, -1] - layer[second, -1]) / length
    if direction is None:
        # Of evenly spread rows: the axes of twenty thousand are those of two thousand.
        some = points[:: -(-len(points) // MOST_FOR_AXES)]
        inside = some - np.outer(some @ unit, unit)
        covariance = np.cov(inside, rowvar=False, bias=True).reshape(len(unit), len(unit))
        direction = np.linalg.eigh(covariance)[1][:, -1]
        # An eigenvector has no sign of its own.
        direction = direction * np.sign(direction[np.abs(direction).argmax()])
    axis = np.asarray(direction, np.float64) - unit * float(np.dot(unit, direction))
    axis /= max(float(np.linalg.norm(axis)), 1e-12)
    total = float(points.var(0).sum() - np.var(points @ unit))
    varies = total > 1e-12 * float(np.square(points).mean()) * len(unit)
    explained = float(np.var(points @ axis)) / total if varies else None
    return ClassPlane(across.astype(np.float32), (points @ axis).astype(np.float32), axis.astype(np.float32), explained)


def _own_and_strongest(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) label and (n,) the other class with the highest logit."""
    own = np.asarray(labels).astype(np.int64)
    others = logits.copy()
    others[np.arange(len(own)), own] = -np.inf
    return own, others.argmax(1)
