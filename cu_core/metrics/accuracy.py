"""Accuracies of the forget, retain and unseen groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float | None:
    """Share of samples whose prediction equals the label, 0..1; None for an empty group.

    Args:
        predicted: (n,) class indices.
        labels: (n,) class indices.
    """
    return float(np.mean(predicted == labels)) if len(labels) else None


def unseen_accuracies(
    predicted: np.ndarray, labels: np.ndarray, forgotten: Sequence[int]
) -> tuple[float | None, float | None]:
    """Accuracy on unseen samples of the forgotten classes and of the other classes.

    Args:
        predicted: (n,) class indices.
        labels: (n,) class indices.
        forgotten: labels of the forgotten classes.
    """
    inside = np.isin(labels, list(forgotten))
    return accuracy(predicted[inside], labels[inside]), accuracy(predicted[~inside], labels[~inside])
