"""Drift of one round: displacement of samples and groups between the embeddings of two models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cu_core.metrics.cka import linear_cka
from cu_core.metrics.drift.drift_measure import MEASURES, NEIGHBOURS, QUANTILES
from cu_core.metrics.drift.lost_neighbours import majority, nearest_retained
from cu_core.metrics.embedding_drift import displacement

MOST_CKA_SAMPLES = 1000
"""Samples of a group behind a linear CKA; products of wide embeddings take seconds with more."""

DIGITS = 6
"""Significant digits of what is reported; single numbers of float32 have no more."""


@dataclass(frozen=True)
class FixedSamples:
    """What does not change with the model.

    Attributes:
        labels: (n,) int from 0.
        groups: group name to (n,) bool, with ``forget`` and ``retain`` among them.
    """

    labels: np.ndarray
    groups: Mapping[str, np.ndarray]

    @property
    def retained(self) -> np.ndarray:
        """(m,) rows of the retain samples."""
        return np.flatnonzero(self.groups["retain"])


class Start:
    """The model that motion is measured from, with all that is computed of it once.

    Attributes:
        samples: the recorded ones.
        embedding: (n, d) as recorded.
        neighbours: (n, k) rows of the nearest retain samples.
        surroundings: (n,) class of most of them, -1 where there are none.
        spread: root mean square distance of the retain samples from their mean; 0 without any.
    """

    def __init__(self, embedding: np.ndarray, samples: FixedSamples) -> None:
        self.samples = samples
        self.embedding = embedding
        self.neighbours = nearest_retained(embedding, samples.retained, NEIGHBOURS)
        self.surroundings = majority(samples.labels, self.neighbours)
        kept = embedding[samples.retained].astype(np.float64)
        self.spread = float(np.sqrt(np.square(kept - kept.mean(0)).sum(1).mean())) if len(kept) else 0.0

    def motion(self, embedding: np.ndarray) -> dict[str, np.ndarray]:
        """How far each sample moved from here.

        Args:
            embedding: (n, d) of the same samples under another model, in a space where positions can be compared.

        Returns:
            ``cosine``, ``euclidean`` (see `displacement`), ``cosine_relative``, ``relative``:
            (n,) float32, the last two NaN without neighbours; and ``neighbours_changed`` (n,) bool.
        """
        cosine, distance = displacement(embedding, self.embedding)
        found = {"cosine": cosine, "euclidean": distance}
        k = self.neighbours.shape[1]
        if k and self.spread > 0:
            moved = embedding.astype(np.float32) - self.embedding.astype(np.float32)
            # Rank by rank: all neighbours' displacements at once would be k times the embeddings.
            surrounding = np.zeros_like(moved)
            for rank in range(k):
                surrounding += moved[self.neighbours[:, rank]]
            own = np.linalg.norm(moved - surrounding / k, axis=1) / self.spread
            found["relative"] = own.astype(np.float32)
            found["cosine_relative"] = cosine - cosine[self.neighbours].mean(1)
        else:
            found["relative"] = found["cosine_relative"] = np.full(len(cosine), np.nan, np.float32)
        now = majority(self.samples.labels, nearest_retained(embedding, self.samples.retained, NEIGHBOURS))
        return found | {"neighbours_changed": now != self.surroundings}

    def cka(self, embedding: np.ndarray) -> dict[str, float | None]:
        """Linear CKA of each group with here, on at most 1,000 of its samples; None where it does not exist."""
        return cka_by_group(self.samples, self.embedding, embedding)


def cka_by_group(samples: FixedSamples, first: np.ndarray, second: np.ndarray) -> dict[str, float | None]:
    """Linear CKA of each group of samples between two models; see `cu_core.metrics.cka.linear_cka`."""
    found = {}
    for group, inside in samples.groups.items():
        rows = np.flatnonzero(inside)
        if len(rows) > MOST_CKA_SAMPLES:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_CKA_SAMPLES).astype(np.int64)]
        found[group] = linear_cka(first[rows].astype(np.float32), second[rows].astype(np.float32))
    return found


def centroid_distances(embedding: np.ndarray, samples: FixedSamples) -> dict[str, np.ndarray]:
    """Distance of each sample to the centroids of classes.

    Centroids are means of the retain samples by label, of a class without any those of its forget samples. A sample
    has no part in its own class's centroid: otherwise what was trained on would seem nearer to it than what was not.

    Args:
        embedding: (n, d).
        samples: the same n samples.

    Returns:
        ``own_centroid`` and ``other_centroid`` (n,) float32: to the own class's, and to the nearest one of another
        class that has retain samples; NaN where there is none.
    """
    rows = embedding.astype(np.float64)
    own = np.full(len(rows), np.nan)
    other = np.full(len(rows), np.inf)
    retain, forget = samples.groups["retain"], samples.groups["forget"]
    for label in np.unique(samples.labels):
        mine = samples.labels == label
        kept = mine & retain
        members = kept if kept.any() else mine & forget
        if not members.any():
            continue
        centre, count = rows[members].mean(0), int(members.sum())
        distance = np.linalg.norm(rows - centre, axis=1)
        # Without the sample itself the centroid is count / (count - 1) times as far.
        factor = np.where(members, count / (count - 1) if count > 1 else np.nan, 1.0)
        own[mine] = (distance * factor)[mine]
        if kept.any():
            other[~mine] = np.minimum(other[~mine], distance[~mine])
    other[np.isinf(other)] = np.nan
    return {"own_centroid": own.astype(np.float32), "other_centroid": other.astype(np.float32)}


def group_report(
    samples: FixedSamples, values: Mapping[str, np.ndarray], cka: Mapping[str, float | None]
) -> dict[str, dict[str, Any]]:
    """Means and quantiles by group, as stored in a manifest's ``drift``.

    Args:
        samples: the recorded ones.
        values: measure of `MEASURES` to (n,); values that are no finite numbers are left out.
        cka: group to linear CKA.

    Returns:
        Group to measure → mean (of ``neighbours_changed`` the share), and ``quantiles``: measure → one value per
        `QUANTILES`. Empty for groups without samples; None for measures without a finite value.
    """
    report: dict[str, dict[str, Any]] = {}
    for group, inside in samples.groups.items():
        report[group] = {}
        if not inside.any():
            continue
        quantiles = {}
        for name, array in values.items():
            own = array[inside].astype(np.float64)
            own = own[np.isfinite(own)]
            report[group][name] = _short(own.mean()) if len(own) else None
            if MEASURES[name].spread:
                quantiles[name] = [_short(q) for q in np.quantile(own, QUANTILES)] if len(own) else None
        report[group] |= {"cka": _short(cka.get(group)), "quantiles": quantiles}
    return report


def drift_report(
    start: Start, embedding: np.ndarray, motion: Mapping[str, np.ndarray], boundary: np.ndarray
) -> dict[str, dict[str, Any]]:
    """All measures of one model by group.

    Args:
        start: where motion is measured from.
        embedding: (n, d) under the model.
        motion: as `Start.motion` gives it for that embedding.
        boundary: (n,) signed distances to the decision boundary under the model.

    Returns:
        As `group_report`.
    """
    levels = centroid_distances(embedding, start.samples) | {"boundary": boundary}
    return group_report(start.samples, {**motion, **levels}, start.cka(embedding))


def _short(value: float | None) -> float | None:
    return float(f"{value:.{DIGITS}g}") if value is not None and math.isfinite(value) else None
