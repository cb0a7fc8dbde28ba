"""Whether a number of right answers is more than guessing gives."""

from __future__ import annotations

import numpy as np

LEVEL = 0.05
"""As many right answers or more have to be rarer than this among guesses, to count as knowledge."""


def guessing(labels: np.ndarray, classes: int) -> float:
    """The best accuracy that who knows nothing of the images can have.

    Args:
        labels: (n,) of the samples in question, at least one.
        classes: how many there are.

    Returns:
        The share of the most frequent class, which a constant answer is right on; never below 1/classes.
    """
    return float(max(np.bincount(labels, minlength=classes).max() / len(labels), 1 / classes))


def at_least(right: int, n: int, p: float) -> float:
    """Probability of so many right answers or more among n guesses, each right with probability p."""
    if right <= 0:
        return 1.0
    if p >= 1:
        return 1.0
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    k = np.arange(right, n + 1)
    logs = factorial[n] - factorial[k] - factorial[n - k] + k * np.log(p) + (n - k) * np.log1p(-p)
    return float(min(np.exp(logs).sum(), 1.0))


def at_chance(right: int, n: int, p: float) -> bool:
    """Whether right answers are no more than guessing gives.

    Of few samples not even twice that could be told from guessing, so such a share counts as knowledge all the same,
    and so does a right answer to every one.

    Args:
        right: how many.
        n: of how many, at least one.
        p: accuracy of guessing.
    """
    return right < n and right / n <= 2 * p and at_least(right, n, p) > LEVEL


def below_chance(right: int, n: int, p: float) -> bool:
    """Whether right answers are fewer than guessing gives, and not by chance."""
    return right / n < p and at_least(n - right, n, 1 - p) < LEVEL
