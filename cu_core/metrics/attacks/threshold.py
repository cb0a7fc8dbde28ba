"""Threshold attacks on one signal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cu_core.metrics.attacks.fitting import Judge, Signals
from cu_core.metrics.roc import best_threshold


def fit_signal(score: Callable[[Signals], np.ndarray], signals: Signals, member: np.ndarray) -> Judge:
    """The level of a signal that tells most of the known samples rightly; the signal itself stays in its unit.

    Args:
        score: the signal, larger for members.
        signals: of n samples.
        member: (n,) bool.

    Raises:
        ValueError: the signal is not a finite number somewhere.
    """
    known = score(signals)
    if not np.isfinite(known).all():
        raise ValueError("a signal is not a finite number")
    return Judge(score, best_threshold(known, member))


def fit_loss(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """Members have a low loss (Yeom et al. 2018); the threshold is fitted instead of the mean training loss."""
    return fit_signal(lambda s: -s.loss, signals, member)


def fit_confidence(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """Members get confident predictions (Salem et al. 2019); as log-odds: the same ranking without ties."""
    return fit_signal(lambda s: s.confidence, signals, member)


def fit_entropy(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """Members get predictions of low entropy (Salem et al. 2019)."""
    return fit_signal(lambda s: -s.entropy, signals, member)


def fit_modified_entropy(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """Members get confident and correct predictions (Song and Mittal 2021)."""
    return fit_signal(lambda s: -s.modified_entropy, signals, member)
