"""Confidence, entropy and modified entropy from logits, exact where probabilities are all but 0 or 1.

A probability of 1 - 1e-20 is 1 in any float, and all samples that a network has learned by heart would tie.
Everything here is therefore computed from the log-odds of each class, which never saturate.

Samples are taken in parts, so that what is needed in between does not grow with their number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

# Numbers of a part; 32 MB in float64.
_PART = 2**22


def _in_parts(compute: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """The same function of arrays that all have a row per sample, taken some rows at a time."""

    def parts(*arrays: np.ndarray) -> np.ndarray:
        rows = max(1, _PART // max(1, arrays[0].shape[1]))
        if len(arrays[0]) <= rows:
            return compute(*arrays)
        found: np.ndarray | None = None
        for start in range(0, len(arrays[0]), rows):
            part = compute(*(array[start : start + rows] for array in arrays))
            if found is None:
                found = np.empty((len(arrays[0]), *part.shape[1:]), part.dtype)
            found[start : start + rows] = part
        assert found is not None
        return found

    return functools.wraps(compute)(parts)


@_in_parts
def log_odds(logits: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of every class.

    Args:
        logits: (n, C) with C > 1.

    Returns:
        (n, C) float64: the logit minus the log of the summed exponentials of the others.
    """
    z = np.asarray(logits, np.float64)
    z = z - z.max(1, keepdims=True)
    rows, top = np.arange(len(z)), z.argmax(1)
    exponentials = np.exp(z)
    # For all but the highest, the sum contains the highest's 1, so that taking one's own part away loses nothing.
    others = np.log(np.maximum(exponentials.sum(1, keepdims=True) - exponentials, np.finfo(np.float64).tiny))
    rest = z.copy()
    rest[rows, top] = -np.inf
    highest = rest.max(1)
    others[rows, top] = highest + np.log(np.exp(rest - highest[:, None]).sum(1))
    return z - others


def of_label(odds: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) log-odds of each sample's label, from (n, C) log-odds."""
    return odds[np.arange(len(odds)), labels]


def cross_entropy(odds: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) -log p of the label in nats, from (n, C) log-odds."""
    return np.logaddexp(0.0, -of_label(odds, labels))


@_in_parts
def entropy(odds: np.ndarray) -> np.ndarray:
    """(n,) entropy of the probabilities in nats, from (n, C) log-odds."""
    log_p = -np.logaddexp(0.0, -odds)
    return -(np.exp(log_p) * log_p).sum(1)


@_in_parts
def modified_entropy(odds: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Modified entropy (Song and Mittal 2021, Eq. 9): low only where the model is confident and correct.

    -(1 - p_y) log p_y - sum over the other classes i of p_i log(1 - p_i).

    Args:
        odds: (n, C) log-odds.
        labels: (n,) y.

    Returns:
        (n,) nats, 0 or more.
    """
    log_p, log_rest = -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)
    others = np.exp(log_p) * log_rest
    rows = np.arange(len(odds))
    others[rows, labels] = 0.0
    return -np.exp(log_rest[rows, labels]) * log_p[rows, labels] - others.sum(1)
