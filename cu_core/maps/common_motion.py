"""Motion that all samples share: best rotations between embedding spaces, and what they take away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import orthogonal_procrustes


def align(embedding: np.ndarray, target: np.ndarray, anchor: np.ndarray) -> tuple[np.ndarray, float]:
    """Rotates other embeddings onto a target (orthogonal Procrustes on anchor rows, Schönemann 1966).

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
