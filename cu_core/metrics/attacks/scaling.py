"""Subsampling and standardisation of features before learned attacks are fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# More samples hardly help attacks with so few features, and a support vector machine's time grows with their square.
FIT_LIMIT = 4000


@dataclass(frozen=True)
class FeatureScale:
    """Mean and spread of features, measured where an attack is fitted and applied where it scores.

    Attributes:
        mean: broadcast against the features.
        spread: likewise, never 0.
    """

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, axis: int | tuple[int, ...] = 0) -> FeatureScale:
        """Over some axes of an array.

        Raises:
            ValueError: a feature is not a finite number.
        """
        if not np.isfinite(features).all():
            raise ValueError("a feature is not a finite number")
        spread = features.std(axis=axis, keepdims=True)
        return cls(features.mean(axis=axis, keepdims=True), np.where(spread > 1e-12, spread, 1.0))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """The features in standard deviations from the mean."""
        return (features - self.mean) / self.spread


def limited(member: np.ndarray, seed: int, limit: int = FIT_LIMIT) -> np.ndarray:
    """(k,) rows to fit on: all, or at most `limit` of them, members and others in equal numbers."""
    rng = np.random.default_rng(seed)
    sides = [rng.permutation(np.flatnonzero(member == side))[: limit // 2] for side in (False, True)]
    return np.sort(np.concatenate(sides))
