"""Joint t-SNE of the logits of a few rounds.

Source: Wang & Chen (arXiv 2405.07317), Fig. 7, show t-SNE of the outputs before and after unlearning. Fits of each
round alone cannot be compared: samples that do not move at all jump across the picture. So one fit holds all
chosen rounds and the reference together. Outputs (logits) share their axes between models, embeddings do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.manifold import TSNE

MOST_POINTS = 1200
"""Samples times rounds in one fit; 1,200 take about two seconds on one core."""

MOST_ROUNDS = 3
PERPLEXITY = 30.0
ITERATIONS = 500
"""Twice as many change trustworthiness by less than 0.001 here."""

FEWEST_POINTS = 10
"""Fewer distinct outputs than this make no map."""


def choose_rounds(last: int) -> list[int]:
    """Rounds that the picture holds: the first, the last and one half-way."""
    return sorted({round(last * k / (MOST_ROUNDS - 1)) for k in range(MOST_ROUNDS)})


@dataclass(frozen=True)
class Joint:
    """A joint picture of the same samples in several rounds.

    Attributes:
        coordinates: (t, m, 2) float32.
        still_step: how far the quarter of the samples that moved least in the outputs is drawn apart between the
            first and the last round, as a share of the picture's radius; 0 where what stays is drawn staying.
        self_neighbours: share of the nearest neighbours in the fit that are the same sample in other rounds; where
            it is high, the picture shows identities rather than neighbourhoods.
    """

    coordinates: np.ndarray
    still_step: float
    self_neighbours: float


def joint_tsne(outputs: Sequence[np.ndarray], last: int, *, seed: int = 0) -> Joint:
    """One t-SNE of the same samples in several rounds.

    Equal outputs get the very same place, since they enter the fit once.

    Args:
        outputs: t arrays (m, d), rows in the same order.
        last: index of the round to which `Joint.still_step` compares the first one.
        seed: of the fit.

    Raises:
        ValueError: fewer than `FEWEST_POINTS` distinct points.
    """
    stacked = np.stack([np.asarray(rows, np.float32) for rows in outputs])
    rounds, samples, width = stacked.shape
    everything = stacked.reshape(rounds * samples, width)
    # Once each, also because scikit-learn crashes where all points lie in one place, as those of a collapsed model do.
    points, place = np.unique(everything, axis=0, return_inverse=True)
    if len(points) < FEWEST_POINTS:
        raise ValueError(f"t-SNE needs at least {FEWEST_POINTS} distinct points")
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    # With principal axes as its start, the picture does not depend on random places.
    fit = TSNE(2, init="pca", perplexity=perplexity, max_iter=ITERATIONS, random_state=seed)
    drawn = fit.fit_transform(points)[place.reshape(-1)]
    coordinates = drawn.reshape(rounds, samples, 2).astype(np.float32)
    radius = float(np.sqrt(((drawn - drawn.mean(0)) ** 2).sum(1).mean()))
    return Joint(
        coordinates,
        _still_step(stacked[0], stacked[last], coordinates[0], coordinates[last], radius),
        _self_share(everything, np.tile(np.arange(samples), rounds)),
    )


def _still_step(first: np.ndarray, later: np.ndarray, from_: np.ndarray, to: np.ndarray, radius: float) -> float:
    moved = np.linalg.norm(later - first, axis=1)
    still = moved <= np.quantile(moved, 0.25)
    steps = np.linalg.norm(to[still].astype(np.float64) - from_[still], axis=1)
    return float(np.median(steps) / radius) if radius else 0.0


def _self_share(points: np.ndarray, owner: np.ndarray) -> float:
    squared = (points**2).sum(1)
    distance = squared[:, None] + squared[None] - 2 * points @ points.T
    np.fill_diagonal(distance, np.inf)
    k = max(1, min(int(PERPLEXITY), len(points) - 1))
    nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
    return float((owner[nearest] == owner[:, None]).mean())
