"""The margin that membership attacks by shadow models look at: the logit of the label's probability."""

from __future__ import annotations

import numpy as np


def logit_margins(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """φ(x, y) = z_y - log Σ_{k≠y} exp z_k = log p_y / (1 - p_y), from logits in double precision.

    Rounded probabilities would lose it where a network is sure (Carlini et al., Membership Inference Attacks From
    First Principles, IEEE S&P 2022, section VI.B).

    Args:
        logits: (n, C) finite, C > 1.
        labels: (n,) integers.

    Returns:
        (n,) float64; larger means more certain of the label.
    """
    exact = logits.astype(np.float64)
    rows = np.arange(len(exact))
    own = exact[rows, labels]
    exact[rows, labels] = -np.inf
    highest = exact.max(axis=1)
    others: np.ndarray = highest + np.log(np.exp(exact - highest[:, None]).sum(axis=1))
    return own - others
