"""Fidelity of a projection over rounds: spatial and temporal measures in one record.

What each number means, its source and its thresholds: docs/drift-methods.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.projections.closeness import PairwiseDistances, agreement, nearest
from cu_core.projections.plotted_motion import Motion, rank_correlation

NEIGHBOURS = 15
FEWEST = 2 * NEIGHBOURS + 2
"""Samples below which neighbourhoods of this size cannot be compared."""

MOST_SAMPLES = 1000
"""Samples whose neighbourhoods are compared; the standard deviation over draws is below 0.007."""

MOST_PAIRED = 500
"""Samples between which all distances are ranked: 124,750 pairs."""

MOST_THREADS = 4
"""Rounds that are measured at once; each takes some 50 MB."""

BLOCK = 500
"""Rows of a distance matrix held at once by `neighbours_kept`."""


def measure(
    rounds: Sequence[np.ndarray],
    coordinates: Sequence[np.ndarray],
    *,
    forget: np.ndarray | None = None,
    seed: int = 0,
    predictions: Sequence[np.ndarray] | None = None,
    self_neighbours: float | None = None,
) -> dict[str, Any]:
    """The fidelity record of a picture.

    A rotation of the embeddings, a similarity of the picture, and another order of the samples leave it unchanged but
    for rounding. Displacements are measured on all samples, neighbourhoods on at most `MOST_SAMPLES`, the same in all
    rounds.

    Args:
        rounds: t arrays (n, d) of embeddings, samples in the same order.
        coordinates: t arrays (n, k) of what is plotted.
        forget: (n,) mask of forget samples; the mask decides whose steps `snap_excess` follows.
        seed: of the drawn samples.
        predictions: t arrays (n,) of predicted classes, for `boundary_agreement`.
        self_neighbours: share of the neighbours in the fitted graph that are the same sample in another round, where
            the method has such a graph.

    Returns:
        Numbers that are None where they are not defined (too few samples or rounds, nothing moved):
        ``trustworthiness``, ``continuity`` (means over rounds, 0..1) with ``worst_`` beside each,
        ``pooled_trustworthiness`` (neighbours looked for across rounds, other rounds of the same sample left out),
        ``distance_rank_correlation`` (mean over rounds of Spearman's rho between true and plotted distances, -1..1),
        ``displacement_rank_correlation`` (the same of distances from round 0, all samples and later rounds),
        ``forget_displacement_rank_correlation``, ``unmoved_motion`` and ``still_jitter`` (shares of the radius of the
        layout), ``snap_excess``, ``self_neighbours``, ``boundary_agreement`` (mean over rounds), ``neighbours``,
        ``samples`` (how many were compared), and ``rounds``, a list of such dicts per round.

    Raises:
        BadInput: rounds, coordinates, mask or predictions of different lengths.
    """
    n = _checked(rounds, coordinates, forget, predictions)
    draw = np.random.default_rng(seed)
    rows = _canonical_order(rounds)[draw.permutation(n)[:MOST_SAMPLES]]
    motion = Motion.of(rounds, coordinates)
    comparable = len(rows) >= FEWEST

    def of_round(number: int) -> dict[str, float | None]:
        predicted = None if predictions is None else np.asarray(predictions[number])[rows]
        numbers = _of_round(rounds[number][rows], coordinates[number][rows], predicted, comparable)
        shifts = (motion.true_shift[number - 1], motion.plotted_shift[number - 1]) if number else None
        numbers["displacement_rank_correlation"] = rank_correlation(*shifts) if shifts else None
        return numbers

    # Sorting, which takes most of the time, lets other threads run.
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        each = list(pool.map(of_round, range(len(rounds))))
    mask = None if forget is None else np.asarray(forget, bool)
    return {
        "trustworthiness": _mean(each, "trustworthiness"),
        "continuity": _mean(each, "continuity"),
        "worst_trustworthiness": _least(each, "trustworthiness"),
        "worst_continuity": _least(each, "continuity"),
        "pooled_trustworthiness": _pooled(rounds, coordinates, rows, draw) if comparable else None,
        "distance_rank_correlation": _mean(each, "distance_rank_correlation"),
        "displacement_rank_correlation": motion.displacement_rank_correlation(),
        "forget_displacement_rank_correlation": None if mask is None else motion.displacement_rank_correlation(mask),
        "unmoved_motion": motion.unmoved_motion(),
        "still_jitter": motion.still_jitter(),
        "snap_excess": motion.snap_excess(mask if mask is not None and mask.any() else None),
        "self_neighbours": self_neighbours,
        "boundary_agreement": _mean(each, "boundary_agreement"),
        "neighbours": NEIGHBOURS,
        "samples": len(rows),
        "rounds": each,
    }


def fidelity(embedding: np.ndarray, coordinates: np.ndarray, *, seed: int = 0) -> dict[str, float | None]:
    """Trustworthiness and continuity of the picture of a single round, on at most `MOST_SAMPLES` samples.

    Args:
        embedding: (n, d) full-space embeddings.
        coordinates: (n, k) plotted.
        seed: of the drawn samples.

    Returns:
        ``trustworthiness``, ``continuity``, ``samples`` (how many were used); None where there are too few.
    """
    rows = np.random.default_rng(seed).permutation(len(embedding))[:MOST_SAMPLES]
    numbers = _of_round(embedding[rows], coordinates[rows], None, len(rows) >= FEWEST)
    return {name: numbers[name] for name in ("trustworthiness", "continuity")} | {"samples": float(len(rows))}


def neighbours_kept(full: np.ndarray, flat: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """Share of the true k nearest neighbours that are among the plotted ones, for every sample.

    Args:
        full: (n, d) embeddings.
        flat: (n, c) what is plotted.
        k: neighbours; lowered to n - 1 where there are fewer samples.

    Returns:
        (n,) float32 between 0 and 1; 1 where a sample has no neighbours at all. Time grows with n², memory with n.
    """
    n = len(full)
    k = min(k, n - 1)
    kept = np.ones(n, np.float32)
    if k < 1:
        return kept
    true, plotted = PairwiseDistances(full), PairwiseDistances(flat)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        squared = true.distances(start, stop)
        farthest = np.partition(squared, k - 1, axis=1)[:, k - 1, None]
        drawn = nearest(plotted.distances(start, stop), k)
        # Compared by distance, so that of several samples at the k-th distance any counts.
        kept[start:stop] = (np.take_along_axis(squared, drawn, axis=1) <= farthest).mean(1)
    return kept


def _checked(
    rounds: Sequence[np.ndarray],
    coordinates: Sequence[np.ndarray],
    forget: np.ndarray | None,
    predictions: Sequence[np.ndarray] | None,
) -> int:
    if not len(rounds) or len(rounds) != len(coordinates):
        raise BadInput(
            "coordinates", f"{len(coordinates)} moments for {len(rounds)} rounds; both must be equal, 1 or more"
        )
    n = len(rounds[0])
    if any(len(part) != n for part in [*rounds, *coordinates]):
        raise BadInput("rounds", "every round must hold the same samples")
    if forget is not None and len(forget) != n:
        raise BadInput("forget", f"is a mask of {len(forget)} samples, but there are {n}")
    if predictions is not None and (len(predictions) != len(rounds) or any(len(part) != n for part in predictions)):
        raise BadInput("predictions", "there must be one for every sample and round")
    return n


def _canonical_order(rounds: Sequence[np.ndarray]) -> np.ndarray:
    """Samples by their distance from the mean: an order that neither their own order nor a rotation decides."""
    keys = []
    for rows in (rounds[-1], rounds[0]):
        apart = np.asarray(rows, np.float64) - np.sort(np.asarray(rows, np.float64), axis=0).mean(0)
        keys.append(np.einsum("nd,nd->n", apart, apart))
    return np.lexsort(keys)


def _of_round(
    full: np.ndarray, flat: np.ndarray, predicted: np.ndarray | None, comparable: bool
) -> dict[str, float | None]:
    true, plotted = PairwiseDistances(full).distances(), PairwiseDistances(flat).distances()
    numbers: dict[str, float | None] = dict.fromkeys(("trustworthiness", "continuity", "boundary_agreement"))
    if comparable:
        found = agreement(true, plotted, NEIGHBOURS)
        numbers["trustworthiness"] = float(found.trustworthiness.mean())
        numbers["continuity"] = float(found.continuity.mean())
        if predicted is not None:
            numbers["boundary_agreement"] = _boundary_agreement(found.plotted, predicted)
    pairs = np.triu_indices(min(len(full), MOST_PAIRED), 1)
    numbers["distance_rank_correlation"] = rank_correlation(true[pairs], plotted[pairs])
    return numbers


def _boundary_agreement(plotted: np.ndarray, predicted: np.ndarray) -> float:
    """Share of samples whose plotted neighbours mostly have its prediction; a class that ties shares the sample."""
    around = predicted[plotted]
    votes = (around[:, :, None] == around[:, None, :]).sum(2)
    most = votes.max(1)
    # Every voter of a winning class counts 1 / votes, so that their sum is the number of winning classes.
    winners = np.rint(((votes == most[:, None]) / votes).sum(1))
    own = (around == predicted[:, None]).sum(1)
    return float(np.where(own == most, 1 / winners, 0).mean())


def _pooled(
    rounds: Sequence[np.ndarray], coordinates: Sequence[np.ndarray], rows: np.ndarray, draw: np.random.Generator
) -> float | None:
    """Trustworthiness among samples of all rounds thrown together, as many as are compared in one round."""
    count, samples = len(rounds), len(rows)
    drawn = draw.permutation(count * samples)[:MOST_SAMPLES]
    number, sample = drawn // samples, drawn % samples
    full = np.stack([rounds[t][rows[i]] for t, i in zip(number, sample, strict=True)])
    flat = np.stack([coordinates[t][rows[i]] for t, i in zip(number, sample, strict=True)])
    true, plotted = PairwiseDistances(full).distances(), PairwiseDistances(flat).distances()
    same = sample[:, None] == sample
    true[same] = plotted[same] = np.inf
    if (np.count_nonzero(~same, axis=1) < 2 * NEIGHBOURS).any():
        return None
    return float(agreement(true, plotted, NEIGHBOURS).trustworthiness.mean())


def _mean(each: Sequence[dict[str, Any]], name: str) -> float | None:
    known = [numbers[name] for numbers in each if numbers[name] is not None]
    return float(np.mean(known)) if known else None


def _least(each: Sequence[dict[str, Any]], name: str) -> float | None:
    known = [numbers[name] for numbers in each if numbers[name] is not None]
    return min(known) if known else None
