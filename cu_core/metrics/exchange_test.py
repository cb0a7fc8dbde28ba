"""U-LiRA on each shadow model by the others, and whether that is more than chance: an exact test by exchanged roles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cu_core.metrics.ulira import LEAST_SHARE, OWN_SPREAD_FROM

NONE, OUTSIDE, INSIDE = 0, 1, 2
"""What a target is to a model: not asked about, never seen, or of the kind that is looked for."""
LEVEL = 0.05
_TINY = 1e-12


@dataclass(frozen=True)
class Exchanged:
    """An attack on all models, beside what it gives where roles mean nothing.

    Attributes:
        area: mean over models of the area under the ROC curve.
        low: lower end of where 95 % of the exchanged means lie.
        high: upper end.
        p: share of exchanges, the roles as they were among them, with a mean at least as large.
    """

    area: float
    low: float
    high: float
    p: float


def exchange_test(
    margins: np.ndarray, kinds: np.ndarray, blocks: np.ndarray, draws: int, seed: int
) -> Exchanged | None:
    """Attacks each model with the models of the other blocks; then again with exchanged roles.

    In each block every target took its roles in random order. If they mean nothing to the margins, any other order
    would have given the same ones: the mean area is then one of those that exchanged roles give, and lies among the
    highest 5 % of them in 5 % of all audits, however the models depend on each other (Fisher's randomisation test).

    Args:
        margins: (N, T) margins of T targets under N models.
        kinds: (N, T) int8 of `NONE`, `OUTSIDE` and `INSIDE`; a model that is to count for nothing has `NONE` alone.
        blocks: (N,) int, models of one block in adjacent rows.
        draws: exchanges.
        seed: of the exchanges.

    Returns:
        None where for some target fewer than two models of either kind are left beside a block.
    """
    numbers, place = np.unique(blocks, return_inverse=True)
    widest = int(np.bincount(place).max())
    row = np.arange(len(blocks)) - np.searchsorted(place, place)
    shape = (len(numbers), widest, margins.shape[1])
    laid, kind = np.zeros(shape), np.zeros(shape, np.int8)
    kind[place, row] = kinds
    counted = kind != NONE
    laid[place, row] = margins
    laid = np.where(counted, laid, 0.0)
    # A common shift of a target's margins changes nothing, and sums of squares lose less so.
    laid = np.where(counted, laid - laid.sum((0, 1)) / np.maximum(counted.sum((0, 1)), 1), 0.0)
    area = _mean_area(laid, kind)
    if area is None:
        return None
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        other = _mean_area(laid, exchanged(kind, rng))
        if other is not None:
            drawn.append(other)
    null = np.array(drawn)
    low, high = np.quantile(null, [0.025, 0.975])
    return Exchanged(area, float(low), float(high), float((1 + (null >= area - _TINY).sum()) / (1 + len(null))))


def exchanged(kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In each block and for each target the same kinds, in random order among the models that count.

    Args:
        kinds: (B, k, T) int8; `NONE` stays where it is.
        rng: of the order.
    """
    counted = kinds != NONE
    before = np.argsort(~counted, axis=1, kind="stable")
    after = np.argsort(np.where(counted, rng.random(kinds.shape), 2.0), axis=1)
    found = np.zeros_like(kinds)
    np.put_along_axis(found, after, np.take_along_axis(kinds, before, 1), 1)
    return found


def _mean_area(margins: np.ndarray, kind: np.ndarray) -> float | None:
    """Mean over models of U-LiRA's area, each model attacked by those of other blocks.

    Args:
        margins: (B, k, T), 0 where a target does not count.
        kind: (B, k, T).
    """
    logs = []
    for wanted in (INSIDE, OUTSIDE):
        chosen = kind == wanted
        own = chosen.sum(1)
        counts = own.sum(0) - own
        if counts.min() < 2:
            return None
        values = np.where(chosen, margins, 0.0)
        sums, squares = values.sum(1), (values**2).sum(1)
        means = (sums.sum(0) - sums) / counts
        spread = np.maximum(squares.sum(0) - squares - counts * means**2, 0.0)
        pooled = np.sqrt(spread.sum(1, keepdims=True) / (counts - 1).sum(1, keepdims=True))
        several = counts.min(1, keepdims=True) >= OWN_SPREAD_FROM
        deviations = np.where(several, np.sqrt(spread / (counts - 1)), pooled)
        deviations = np.maximum(deviations, np.maximum(LEAST_SHARE * pooled, 1e-6))[:, None]
        logs.append(-(((margins - means[:, None]) / deviations) ** 2) / 2 - np.log(deviations))
    score = logs[0] - logs[1]
    areas = [
        area_of(scores[inside], scores[outside])
        for scores, inside, outside in zip(
            *(array.reshape(-1, array.shape[2]) for array in (score, kind == INSIDE, kind == OUTSIDE)), strict=True
        )
        if inside.any() and outside.any()
    ]
    return float(np.mean(areas)) if areas else None


def area_of(members: np.ndarray, others: np.ndarray) -> float:
    """Share of pairs in which the member scores higher, ties counting half: the area under the ROC curve."""
    ranked = np.sort(others)
    below = np.searchsorted(ranked, members, "left") + np.searchsorted(ranked, members, "right")
    return float(below.mean() / 2 / len(others))
