"""The ruler: distance of two samples in the full space against their distance in the picture. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PAIRS = 4000
"""Pairs of samples whose median is the usual distance; more change it by less than 1 %."""


@dataclass(frozen=True)
class Measured:
    """Two samples in one round.

    A distance in a picture has no unit. So both are also given as multiples of the usual distance between two samples
    (the median), in the full space and in the picture.

    Attributes:
        distance: Euclidean, in the full space, in its own unit.
        cosine: of the angle between the two embeddings, -1..1; None where one of them is zero.
        usual: `distance` over the usual one; None where samples usually lie in one place.
        plotted_usual: distance in the picture over the usual one there; None without a picture.
    """

    distance: float
    cosine: float | None
    usual: float | None
    plotted_usual: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as far apart the picture shows the two as they are; None where that cannot be said."""
        return self.plotted_usual / self.usual if self.usual and self.plotted_usual is not None else None

    def words(self) -> str:
        """What the ruler says."""
        cosine = "" if self.cosine is None else f", cosine similarity {self.cosine:.3f}"
        usual = "" if self.usual is None else f" ({self.usual:.2f} times the usual distance between two samples)"
        said = f"True distance {self.distance:.3g}{usual}{cosine}."
        if self.plotted_usual is None:
            return said
        said += f" Drawn {self.plotted_usual:.2f} times the usual distance in the picture apart"
        if self.ratio is None:
            return f"{said}."
        if self.ratio >= 1:
            return f"{said}: {self.ratio:.1f} times as far as they are."
        return f"{said}: {1 / self.ratio:.1f} times as near as they are." if self.ratio else f"{said}: at one place."


def measure_pair(embedding: np.ndarray, a: int, b: int, coordinates: np.ndarray | None = None) -> Measured:
    """Measures two samples in one round.

    Args:
        embedding: (n, d) of the round.
        a: row of one sample.
        b: row of the other.
        coordinates: (n, k) of the picture in that round.
    """
    one, other = np.asarray(embedding[a], np.float64), np.asarray(embedding[b], np.float64)
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    distance, usual = _of_usual(embedding, a, b)
    return Measured(
        distance,
        float(np.clip(one @ other / lengths, -1, 1)) if lengths else None,
        usual,
        None if coordinates is None else _of_usual(coordinates, a, b)[1],
    )


def _of_usual(places: np.ndarray, a: int, b: int) -> tuple[float, float | None]:
    """Distance of two rows, plain and over the median distance of two different rows."""
    n = len(places)
    distance = float(np.linalg.norm(np.asarray(places[a], np.float64) - places[b]))
    if n < 2:
        return distance, None
    draw = np.random.default_rng(0)
    first = draw.integers(n, size=PAIRS)
    second = (first + draw.integers(1, n, size=PAIRS)) % n
    usual = float(np.median(np.linalg.norm(np.asarray(places[first], np.float64) - places[second], axis=1)))
    return distance, distance / usual if usual else None
