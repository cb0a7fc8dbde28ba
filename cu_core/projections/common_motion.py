"""Procrustes alignment: the rotation between two embedding spaces that all samples share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import orthogonal_procrustes


@dataclass(frozen=True)
class Rotation:
    """The rigid motion that brings one model's embeddings nearest to another's.

    Attributes:
        source: (d,) centre of the anchors before.
        matrix: (d, d) orthogonal.
        target: (d,) centre of the anchors to which they are brought.
        residual: share of the target anchors' spread that the rotation cannot explain (0: same up to rotation; 1 or
            more: unrelated).
    """

    source: np.ndarray
    matrix: np.ndarray
    target: np.ndarray
    residual: float

    def apply(self, embedding: np.ndarray) -> np.ndarray:
        """(n, d) float64 embeddings in the target's space."""
        return (embedding.astype(np.float64) - self.source) @ self.matrix + self.target


def fit_rotation(embedding: np.ndarray, target: np.ndarray, anchor: np.ndarray) -> Rotation:
    """Orthogonal Procrustes (Schönemann 1966) on anchor rows.

    Args:
        embedding: (n, d) to be turned.
        target: (n, d) to turn it onto, same samples.
        anchor: (k,) rows that decide, e.g. retain samples.
    """
    source, goal = embedding[anchor].astype(np.float64), target[anchor].astype(np.float64)
    source_mean, goal_mean = source.mean(0), goal.mean(0)
    a, b = source - source_mean, goal - goal_mean
    matrix, _ = orthogonal_procrustes(a, b)
    spread = float(np.linalg.norm(b))
    residual = float(np.linalg.norm(a @ matrix - b)) / spread if spread else 0.0
    return Rotation(source_mean, matrix, goal_mean, residual)


def align(embedding: np.ndarray, target: np.ndarray, anchor: np.ndarray) -> tuple[np.ndarray, float]:
    """Other embeddings (n, d) turned onto a target, and the residual; see `fit_rotation`."""
    rotation = fit_rotation(embedding, target, anchor)
    return rotation.apply(embedding), rotation.residual


def remove_motion(
    rounds: Sequence[np.ndarray], forget: np.ndarray | None
) -> tuple[list[np.ndarray], list[float | None]]:
    """Takes the motion out of later rounds that a rotation and a shift of all retained samples explain.

    Args:
        rounds: (n, d) embeddings of the same samples.
        forget: (n,) bool, samples that have no say in the rotation; None lets all have one.

    Returns:
        The rounds, each turned onto round 0, and per round the share of the anchors' mean displacement from round 0
        that this removed (None where they did not move).
    """
    anchor = np.arange(len(rounds[0])) if forget is None else np.flatnonzero(~forget)
    start = rounds[0].astype(np.float64)
    turned: list[np.ndarray] = [rounds[0]]
    shares: list[float | None] = [None]
    for embedding in rounds[1:]:
        moved = float(np.linalg.norm(embedding[anchor].astype(np.float64) - start[anchor], axis=1).mean())
        if moved == 0:
            # Nothing to remove; and what did not move must stay to the last bit.
            turned.append(embedding)
            shares.append(None)
            continue
        aligned, _ = align(embedding, rounds[0], anchor)
        left = float(np.linalg.norm(aligned[anchor] - start[anchor], axis=1).mean())
        turned.append(aligned.astype(rounds[0].dtype))
        shares.append(1 - left / moved)
    return turned, shares
