"""Linear centered kernel alignment (CKA) of two representations of the same samples."""

from __future__ import annotations

import numpy as np


def linear_cka(first: np.ndarray, second: np.ndarray) -> float | None:
    """Linear CKA (Kornblith et al. 2019, arXiv 1905.00414, Eq. 3 with a linear kernel).

    ‖YᵀX‖²_F / (‖XᵀX‖_F · ‖YᵀY‖_F) of centred columns. It does not change with rotations and scale of either side.

    Args:
        first: (n, p) one row per sample.
        second: (n, q) the same samples.

    Returns:
        0..1; None where a side does not vary, or with fewer than two samples.

    Raises:
        ValueError: another number of samples on each side.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} samples are not the same samples")
    if len(first) < 2:
        return None
    x = first.astype(np.float64) - first.mean(0, dtype=np.float64)
    y = second.astype(np.float64) - second.mean(0, dtype=np.float64)
    if len(x) < max(x.shape[1], y.shape[1]):
        # The same three norms from products of samples, which are smaller for wide embeddings.
        over_samples, others = x @ x.T, y @ y.T
        own = np.linalg.norm(over_samples) * np.linalg.norm(others)
        cross = float(np.vdot(over_samples, others))
    else:
        own = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
        cross = float(np.square(np.linalg.norm(y.T @ x)))
    # What is left of columns that do not vary is rounding.
    if not own > 1e-12 * max(float(np.square(first).sum()) * float(np.square(second).sum()), 1e-300):
        return None
    return cross / float(own)
