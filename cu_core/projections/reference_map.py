"""The map: one UMAP of reference rows, onto which all samples are interpolated by nearest neighbours.

UMAP (McInnes, Healy and Melville 2018, arXiv 1802.03426) is fitted once, on reference rows from all rounds, over a
neighbour graph in which a sample's own other rounds are no neighbours: in the ordinary graph of pooled rounds, samples
that move little have only themselves for neighbours, and the layout falls apart. Nothing is ever placed by the fit
itself: each row, also one of the reference, goes to a weighted mean of the reference rows of *other* samples near it in
the full space. So equal embeddings get equal places, whatever else is placed with them and whenever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.projections.linear_axes import principal_scores
from cu_core.projections.nearest_samples import Rows, nearest_others
from cu_core.projections.umap_fit import fit_umap

NEIGHBOURS = 15
EPOCHS = 200
"""More change trustworthiness by less than 0.002 (`benchmarks/drift_map.py`)."""

MOST_STARTS = 3000
"""Reference rows from round 0, then from forget samples and from the others in later rounds.

With few of the others, a model that moves as a whole leaves gaps between its rounds, over which samples jump.
"""
MOST_LATER_FORGET = 2000
MOST_LATER_REST = 3000

STRAY = 2.0
"""A sample this many times farther from its nearest other reference row than 99 % of the reference rows are from
theirs lies where the map has no ground."""

START_SIZE = 10.0
"""Largest coordinate of the principal axes that the layout starts from, as in umap-learn."""

FEWEST = 4
"""Samples below which there are no neighbourhoods to draw."""


@dataclass(frozen=True)
class ReferenceMap:
    """A fitted map on which further rounds can be placed.

    Attributes:
        rows: the reference embeddings with their samples.
        coordinates: (r, k) float64 places of the reference rows.
        reach: distance from which a sample counts as stray; see `STRAY`.
    """

    rows: Rows
    coordinates: np.ndarray
    reach: float

    def place(self, embedding: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places rows, each by itself.

        Args:
            embedding: (m, d).
            owner: (m,) int64 sample of each row, as in the reference; -1 for samples that it has never seen.

        Returns:
            coordinates (m, k) float32 and stray (m,) bool.
        """
        nearest, distance = nearest_others(embedding, owner, self.rows, NEIGHBOURS)
        weight = _weights(distance)
        # einsum, not a matrix product: that may round a row differently depending on its company.
        places = np.einsum("mn,mnk->mk", weight, self.coordinates[nearest])
        return places.astype(np.float32), distance[:, 0] > self.reach

    def renamed(self, names: np.ndarray) -> ReferenceMap:
        """The same map for samples that go by other numbers.

        Args:
            names: (n,) int64, the new number of each sample.
        """
        owner = names[self.rows.owner]
        order = np.argsort(owner, kind="stable")
        return ReferenceMap(Rows(self.rows.embedding[order], owner[order]), self.coordinates[order], self.reach)


def fit_reference_map(
    rounds: Sequence[np.ndarray], forget: np.ndarray | None, n_components: int, seed: int
) -> ReferenceMap:
    """Fits the map.

    Args:
        rounds: (n, d) embeddings of the same samples, n at least `FEWEST`.
        forget: (n,) bool; without it the tenth of the samples that moves farthest takes their part.
        n_components: 2 or 3.
        seed: of the choice of reference rows and of the layout.
    """
    rows = reference_rows(rounds, forget, seed)
    nearest, distance = nearest_others(rows.embedding, rows.owner, rows, NEIGHBOURS - 1)
    start = _start(rows.embedding, n_components)
    places = fit_umap(rows.embedding, nearest, distance, n_components, seed, start=start, epochs=EPOCHS)
    coordinates = places.astype(np.float64)
    return ReferenceMap(rows, coordinates, STRAY * float(np.quantile(distance[:, 0], 0.99)))


def reference_rows(rounds: Sequence[np.ndarray], forget: np.ndarray | None, seed: int) -> Rows:
    """Rows of all rounds that carry the map: round 0, the forget samples later, some of the others later.

    An embedding that a sample had before is taken once.
    """
    n = len(rounds[0])
    rng = np.random.default_rng(seed)
    moving = _movers(rounds) if forget is None else np.asarray(forget, bool)
    taken = [_draw(np.arange(n), MOST_STARTS, rng)]
    for inside, most in ((moving, MOST_LATER_FORGET), (~moving, min(n, MOST_LATER_REST))):
        # One number stands for a sample in a round.
        later = np.concatenate(
            [
                number * n + np.flatnonzero(inside & (embedding != rounds[0]).any(1))
                for number, embedding in enumerate(rounds)
            ]
        )
        taken.append(_draw(later, most, rng))
    chosen = np.concatenate(taken)
    number, owner = chosen // n, chosen % n
    order = np.lexsort((number, owner))
    number, owner = number[order], owner[order]
    embedding = np.stack([rounds[k][row] for k, row in zip(number, owner, strict=True)])
    same = (owner[1:] == owner[:-1]) & (embedding[1:] == embedding[:-1]).all(1)
    kept = np.r_[True, ~same]
    return Rows(embedding[kept], owner[kept])


def _movers(rounds: Sequence[np.ndarray]) -> np.ndarray:
    start = rounds[0].astype(np.float64)
    farthest = np.max([np.linalg.norm(embedding - start, axis=1) for embedding in rounds], axis=0)
    most = max(1, len(start) // 10)
    chosen = np.zeros(len(start), bool)
    chosen[np.argsort(-farthest, kind="stable")[:most]] = True
    return chosen


def _draw(items: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return items if len(items) <= most else np.sort(rng.choice(items, most, replace=False))


def _start(embedding: np.ndarray, n_components: int) -> np.ndarray:
    scores = principal_scores(embedding, n_components)
    return (scores * (START_SIZE / max(float(np.abs(scores).max()), 1e-12))).astype(np.float32)


def _weights(distance: np.ndarray) -> np.ndarray:
    """(m, k) Gaussian weights that sum to 1; the width is half the distance of the middle neighbour."""
    width = np.maximum(distance[:, [distance.shape[1] // 2]] / 2, np.finfo(np.float64).tiny)
    # Relative to the nearest, so that not all of them can vanish.
    exponent = (distance / width) ** 2 - (distance[:, :1] / width) ** 2
    weight = np.exp(-0.5 * np.nan_to_num(exponent, nan=0.0, posinf=np.inf))
    return weight / weight.sum(1, keepdims=True)
