"""Membership by the loss: its AUC (Yeom et al.), and its mean difference, of forget against unseen samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cu_core.catalogue.metric_record import Evidence, Metric

FEW = 20


def few_words(counts: Mapping[str, Any]) -> str:
    """A caution beside a membership AUC of fewer than `FEW` samples a side; empty where there are enough.

    Args:
        counts: of samples, as in ``result.json``: ``forget``, ``unseen``, of class forgetting ``unseen_forgotten``.
    """
    members = counts.get("forget")
    others = counts.get("unseen_forgotten") or counts.get("unseen")
    if members is None or others is None or min(members, others) >= FEW:
        return ""
    return (
        f"Membership AUCs rest on {members:,} forget and {others:,} unseen samples: with fewer than {FEW} on a side "
        "chance alone can make one of 0 or of 1."
    )


def loss_auc(
    forget_loss: np.ndarray, forget_labels: np.ndarray, unseen_loss: np.ndarray, unseen_labels: np.ndarray
) -> float | None:
    """Area under the ROC curve of -loss for telling forget samples from unseen ones.

    Unseen samples are weighted so that their class mix equals the forget set's; otherwise the attack
    would measure class difficulty. Classes that one side lacks are left out on both.

    Args:
        forget_loss: (n,) losses of forget samples.
        forget_labels: (n,) their labels.
        unseen_loss: (m,) losses of unseen samples.
        unseen_labels: (m,) their labels.

    Returns:
        0..1, 0.5 is chance; None if the two groups share no class, or where a loss is not a number.
    """
    shared = np.intersect1d(forget_labels, unseen_labels)
    members, others = np.isin(forget_labels, shared), np.isin(unseen_labels, shared)
    if not members.any() or not others.any():
        return None
    forget_loss, forget_labels = forget_loss[members], forget_labels[members]
    unseen_loss, unseen_labels = unseen_loss[others], unseen_labels[others]
    size = int(max(forget_labels.max(), unseen_labels.max())) + 1
    mix = np.bincount(forget_labels, minlength=size) / np.maximum(np.bincount(unseen_labels, minlength=size), 1)
    if np.isnan(forget_loss).any() or np.isnan(unseen_loss).any():
        return None
    # The share of pairs that are ranked rightly (Mann-Whitney), which an infinite loss does not disturb. A verdict asks
    # for a thousand such areas, and sklearn checks its arguments ten times as long as it computes.
    order = np.argsort(unseen_loss)
    weight = np.concatenate([[0.0], np.cumsum(mix[unseen_labels][order])])
    lower, upper = (weight[np.searchsorted(unseen_loss[order], forget_loss, side)] for side in ("left", "right"))
    return float(1.0 - (lower + upper).mean() / 2 / weight[-1])


def loss_gap(
    forget_loss: np.ndarray, forget_labels: np.ndarray, unseen_loss: np.ndarray, unseen_labels: np.ndarray
) -> float | None:
    """Mean loss of forget samples minus that of unseen ones of the same class.

    A model that was retrained on fewer images is less sure of every sample, and so its loss on the forget samples is
    higher although nothing is wrong. Unseen samples of the same classes show by how much.

    Args:
        forget_loss: (n,) losses of forget samples.
        forget_labels: (n,) their labels.
        unseen_loss: (m,) losses of unseen samples.
        unseen_labels: (m,) their labels.

    Returns:
        Mean over the forget samples of the difference to their class's unseen mean, in the unit of the loss; classes
        that one side lacks are left out. None if the two groups share no class.
    """
    known = np.intersect1d(forget_labels, unseen_labels)
    if not len(known):
        return None
    level = np.full(int(known.max()) + 1, np.nan)
    for label in known:
        level[label] = unseen_loss[unseen_labels == label].mean(dtype=np.float64)
    shared = np.isin(forget_labels, known)
    return float((forget_loss[shared].astype(np.float64) - level[forget_labels[shared]]).mean())


def _loss_gap(evidence: Evidence) -> float | None:
    forget, unseen = evidence.forget, evidence.unseen
    return loss_gap(forget.loss, forget.labels, unseen.loss, unseen.labels)


def _loss_auc(evidence: Evidence) -> float | None:
    forget, unseen = evidence.forget, evidence.unseen
    return loss_auc(forget.loss, forget.labels, unseen.loss, unseen.labels)


MIA_AUC = Metric(
    "mia_auc",
    "Membership AUC (loss)",
    "How well the loss tells forget samples from unseen ones of the same classes; 0.5 is chance, "
    "the target is the reference.",
    _loss_auc,
    "forget",
    target="the reference",
    percent=False,
    ranks=True,
    heading="Memb. AUC",
)
LOSS_GAP = Metric(
    "loss_gap",
    "Loss, forget − unseen",
    "Mean loss of forget samples minus that of unseen samples of the same classes, so that it does not count that a "
    "retrained model has seen fewer images. Below 0 forget samples are known better; the target is the reference. "
    "Whole classes have none: their unseen samples are forgotten as well.",
    _loss_gap,
    "forget",
    target="the reference",
    unit="nats",
    percent=False,
    bounded=False,
    heading="Loss gap",
    tasks=("sample",),
)
