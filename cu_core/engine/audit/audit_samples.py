"""Samples of the membership audit: members and non-members with matched classes, in two folds; shadow samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cu_core.engine.probe import stratified
from cu_core.engine.setup import RunSetup

FOLDS = 2
# With fewer a side no attack can be fitted on one half and say anything about the other.
FEWEST = 20


@dataclass(frozen=True)
class Side:
    """Samples whose membership is the same.

    Attributes:
        index: (n,) int64 into the training or the test images.
        label: (n,) int64, as trained on or true.
        fold: (n,) int8; an attack that judges one fold was fitted on the other.
    """

    index: np.ndarray
    label: np.ndarray
    fold: np.ndarray

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True)
class AuditSamples:
    """The samples of an audit.

    Attributes:
        members: forget samples that are reported on.
        others: as many unseen samples of the same class mix.
        known: retain samples, which a reference was trained on; None where there is no shadow model.
        unknown: as many unseen samples of their class mix, which it was not trained on.
    """

    members: Side
    others: Side
    known: Side | None = None
    unknown: Side | None = None


def audit_samples(setup: RunSetup) -> AuditSamples:
    """Draws the samples of an audit.

    Attacks are compared on classes that both sides have in equal numbers; otherwise they would measure how
    difficult a class is. Where whole classes are forgotten, only unseen samples of those can be told from forget
    samples, and a reference knows none of them: a shadow attack is then fitted on the other classes.

    Args:
        setup: the fixed part of the run; its audit seed decides all draws.
    """
    rng = np.random.default_rng([setup.spec.audit.seed, 3])
    data, size = setup.data, setup.spec.audit.size
    unseen = setup.reported_unseen
    members, others = matched(
        setup.reported_forget, data.train_labels[setup.reported_forget], unseen, data.test_labels[unseen], size, rng
    )
    attacked = (
        _side(members, data.train_labels, rng),
        _side(others, data.test_labels, rng),
    )
    if not setup.spec.references:
        return AuditSamples(*attacked)
    whole_classes = setup.forget.task == "class"
    pool = np.setdiff1d(unseen, others) if whole_classes else others
    known, unknown = matched(setup.retain, data.train_labels[setup.retain], pool, data.test_labels[pool], size, rng)
    if len(known) < FEWEST:
        return AuditSamples(*attacked)
    unknown_side = _side(unknown, data.test_labels, rng)
    if not whole_classes:
        # The same samples as are attacked: whoever judges one of them must have been fitted on the other fold.
        fold = attacked[1].fold[np.searchsorted(attacked[1].index, unknown)]
        unknown_side = Side(unknown, unknown_side.label, fold)
    return AuditSamples(*attacked, _side(known, data.train_labels, rng), unknown_side)


def matched(
    first: np.ndarray,
    first_labels: np.ndarray,
    second: np.ndarray,
    second_labels: np.ndarray,
    size: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """As many samples of each class from either side: of every class as many as the smaller side has.

    Args:
        first: (n,) samples.
        first_labels: (n,) their classes.
        second: (m,) other samples.
        second_labels: (m,) their classes.
        size: most samples a side; class shares are kept where this cuts.
        rng: of the draws.

    Returns:
        (k,) and (k,) samples, sorted.
    """
    classes = int(max(first_labels.max(initial=-1), second_labels.max(initial=-1))) + 1
    counts = np.minimum(np.bincount(first_labels, minlength=classes), np.bincount(second_labels, minlength=classes))
    chosen, chosen_labels = _draw(first, first_labels, counts, rng)
    if len(chosen) > size:
        rows = stratified(np.arange(len(chosen)), chosen_labels, size, rng)
        chosen, counts = chosen[rows], np.bincount(chosen_labels[rows], minlength=classes)
    return np.sort(chosen), np.sort(_draw(second, second_labels, counts, rng)[0])


def folds(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) int8 fold of each sample: sizes differ by one at most, overall and within each class.

    Sides with the same class mix get folds with the same class mix.
    """
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), np.int8)
    fold[order] = np.arange(len(labels)) % FOLDS
    return fold


def _draw(
    items: np.ndarray, labels: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """So many items of each class, and their classes."""
    rows = [rng.permutation(np.flatnonzero(labels == c))[:count] for c, count in enumerate(counts)]
    picked = np.concatenate([np.empty(0, np.int64), *rows])
    return items[picked], labels[picked]


def _side(index: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Side:
    own = np.asarray(labels[index], np.int64)
    return Side(index, own, folds(own, rng))
