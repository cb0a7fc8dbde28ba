"""Events of single samples over the rounds: boundary crossings, flips, overshoot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.base.display_text import counted

NEVER = -1
"""Round of what never happened."""

TAIL = 0.05
"""Share of samples that would be called over-shot where nothing is wrong."""

FEWEST = 20
"""Samples of a class that a limit of its own is taken from."""


@dataclass(frozen=True)
class Crossings:
    """When each sample crossed its decision boundary.

    Attributes:
        first: (n,) int64 first round in which it lies across; round 0 if it did from the start, `NEVER` if in none.
        stays: (n,) int64 first round from which it lies across in all recorded ones; `NEVER` if not in the last one.
    """

    first: np.ndarray
    stays: np.ndarray


def crossings(boundary: Sequence[np.ndarray], rounds: Sequence[int]) -> Crossings:
    """When samples crossed.

    Args:
        boundary: per round (n,) signed distances, positive on the label's side; NaN counts as not across.
        rounds: their numbers, ascending.
    """
    across = np.stack(boundary) <= 0
    numbers = np.asarray(rounds, np.int64)
    first = np.where(across.any(0), numbers[across.argmax(0)], NEVER)
    # Turned round, the first sample that is not across ends the last stretch.
    held = np.logical_and.accumulate(across[::-1], axis=0).sum(0)
    stays = np.where(held > 0, numbers[len(numbers) - np.maximum(held, 1)], NEVER)
    return Crossings(first, stays)


def flips(predictions: Sequence[np.ndarray]) -> np.ndarray:
    """Whether each sample's predicted class is another one than in the recorded round before.

    Args:
        predictions: per round (n,) classes.

    Returns:
        (rounds, n) bool; nothing flips in the first.
    """
    classes = np.stack(predictions)
    changed = np.zeros(classes.shape, bool)
    changed[1:] = classes[1:] != classes[:-1]
    return changed


def never_left(boundary: Sequence[np.ndarray], forget: np.ndarray) -> np.ndarray:
    """Rows of forget samples that lie on their label's side in every round.

    Args:
        boundary: per round (n,) signed distances.
        forget: (n,) bool.
    """
    return np.flatnonzero(forget & (np.stack(boundary) > 0).all(0))


def dragged_along(before: np.ndarray, now: np.ndarray, retain: np.ndarray) -> np.ndarray:
    """Rows of retain samples that were predicted as labelled and are not any more.

    Args:
        before: (n,) signed distances in round 0.
        now: (n,) in a later round.
        retain: (n,) bool.
    """
    return np.flatnonzero(retain & (before > 0) & (now <= 0))


@dataclass(frozen=True)
class Overshoot:
    """Forget samples that were pushed further past their boundary than never having seen them explains.

    Attributes:
        rows: (k,) int64 of the probe, furthest past their limit first.
        limit: (n,) float32 distance that a forget sample should not fall below; NaN for other samples and where
            nothing is known.
        against: ``references``, ``unseen`` or ``nothing``.
        checked: forget samples that have a limit.
    """

    rows: np.ndarray
    limit: np.ndarray
    against: str
    checked: int

    def words(self) -> str:
        """The finding in one or two sentences."""
        if not self.checked:
            return "There is nothing to compare the forget samples' distances with."
        what = {
            "references": "where retrained models put the forget samples of the same class",
            "unseen": "where this model puts unseen samples of the same class (there is no reference)",
        }[self.against]
        return (
            f"{len(self.rows):,} of {counted(self.checked, 'forget sample')} "
            f"{'lies' if len(self.rows) == 1 else 'lie'} further past the boundary than "
            f"{1 - TAIL:.0%} of {what}, both in distance and in multiples of the median retain sample's. Of samples "
            f"like those, {TAIL:.0%} do by chance."
        )


def overshoot(
    boundary: np.ndarray,
    labels: np.ndarray,
    forget: np.ndarray,
    retain: np.ndarray,
    unseen: np.ndarray,
    references: Sequence[np.ndarray] = (),
) -> Overshoot:
    """Finds forget samples far past their boundary.

    Each class's limit is the 5 % quantile of where models that never trained on the samples put them: the references'
    distances of forget samples, without references this model's own distances of unseen samples. Classes with fewer
    than 20 such distances share the quantile of all. Models differ in the scale of their embeddings, and unlearning may
    draw retain samples nearer to the boundary; so a sample went too far only if it did so both as distances are and
    as multiples of the median distance of the same model's retain samples.

    Args:
        boundary: (n,) signed distances in the round to judge.
        labels: (n,) int.
        forget: (n,) bool.
        retain: (n,) bool.
        unseen: (n,) bool.
        references: (n,) signed distances under each reference.
    """
    limit = np.full(len(boundary), np.nan, np.float32)
    unit = _typical(boundary, retain)
    looked_at, models = (forget, references) if len(references) else (unseen, [boundary])
    known = [
        np.column_stack([model[looked_at], model[looked_at] / scale, labels[looked_at]])
        for model in models
        if (scale := _typical(model, retain)) is not None
    ]
    pool = np.concatenate(known) if known else np.empty((0, 3))
    pool = pool[np.isfinite(pool[:, 0])]
    if unit is None or not len(pool):
        return Overshoot(np.empty(0, np.int64), limit, "nothing", 0)
    for label in np.unique(labels[forget]):
        own = pool[pool[:, 2] == label]
        plain, relative = np.quantile((own if len(own) >= FEWEST else pool)[:, :2], TAIL, axis=0)
        limit[forget & (labels == label)] = min(plain, unit * relative)
    # On its own side of the boundary no sample went too far, whatever the others do.
    beyond = np.flatnonzero((boundary < limit) & (boundary < 0))
    rows = beyond[np.argsort((boundary - limit)[beyond], kind="stable")]
    checked = int((np.isfinite(limit) & np.isfinite(boundary)).sum())
    return Overshoot(rows, limit, "references" if len(references) else "unseen", checked)


def _typical(boundary: np.ndarray, retain: np.ndarray) -> float | None:
    """The median distance of retain samples; None where most of them are not on their own side any more."""
    known = boundary[retain & np.isfinite(boundary)]
    median = float(np.median(known)) if len(known) else 0.0
    return median if median > 0 else None
