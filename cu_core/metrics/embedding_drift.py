"""Embedding displacement of every sample since round 0, in the full space: cosine and Euclidean distance."""

from __future__ import annotations

import numpy as np


def displacement(embedding: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine to, and Euclidean distance from, each sample's embedding at round 0.

    Args:
        embedding: (n, d) embeddings now.
        start: (n, d) embeddings at round 0, same samples in the same order.

    Returns:
        cosine (n,) and distance (n,), float32. A sample that did not move has exactly 1 and 0.
    """
    now, before = embedding.astype(np.float64), start.astype(np.float64)
    norms = np.linalg.norm(now, axis=1) * np.linalg.norm(before, axis=1)
    cosine = np.einsum("nd,nd->n", now, before) / np.maximum(norms, 1e-12)
    distance = np.linalg.norm(now - before, axis=1)
    cosine[distance == 0] = 1.0
    return cosine.astype(np.float32), distance.astype(np.float32)
