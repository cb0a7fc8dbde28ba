"""Metrics of a model on forget, retain and unseen samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cu_core.engine.signals import Forward
from cu_core.metrics.accuracy import accuracy, unseen_accuracies
from cu_core.metrics.centroids import centroid_cosines
from cu_core.metrics.membership import loss_auc

Metrics = dict[str, float | None]


def metrics_of(
    forget: Forward,
    retain: Forward,
    unseen: Forward,
    *,
    forgotten: Sequence[int],
    true_labels: np.ndarray | None = None,
    voters: np.ndarray | None = None,
) -> Metrics:
    """Every metric of `cu_core.metrics.METRICS` that applies.

    Args:
        forget: forward pass over forget samples.
        retain: over retain samples.
        unseen: over unseen samples.
        forgotten: labels of forgotten classes; empty for sample forgetting.
        true_labels: (n_forget,) labels before noise, if the forget set holds mislabelled samples.
        voters: labels that an encoder's predictions can name, those of the samples that vote; None for classifiers,
            which can name every class. There is no accuracy on samples with other labels: it would be 0 whatever
            the encoder knows.

    Returns:
        Metric id to value; None where there is nothing to compute it from.
    """
    nameable = np.arange(len(forget.labels)) if voters is None else np.flatnonzero(np.isin(forget.labels, voters))
    own, other = centroid_cosines(forget.embedding, forget.labels, retain.embedding, retain.labels)
    metrics: Metrics = {
        "forget_acc": accuracy(forget.prediction[nameable], forget.labels[nameable]),
        "retain_acc": accuracy(retain.prediction, retain.labels),
        "test_acc": accuracy(unseen.prediction, unseen.labels),
        "mia_auc": loss_auc(forget.loss, forget.labels, unseen.loss, unseen.labels),
        "own_centroid_cosine": own,
        "other_centroid_cosine": other,
        "forget_top1": mean(forget.top1),
        "unseen_top1": mean(unseen.top1),
        "forget_loss": mean(forget.loss),
        "unseen_loss": mean(unseen.loss),
        "forget_two_view": mean(forget.two_view),
        "unseen_two_view": mean(unseen.two_view),
    }
    if forgotten:
        inside, outside = unseen_accuracies(unseen.prediction, unseen.labels, forgotten)
        unknown = voters is not None and not np.isin(forgotten, voters).any()
        metrics |= {"test_acc_forgotten": None if unknown else inside, "test_acc_retained": outside}
    if true_labels is not None:
        metrics["true_label_acc"] = accuracy(forget.prediction, true_labels)
    return metrics


def mean(values: np.ndarray | None) -> float | None:
    """Mean of one number per sample; None where nothing was measured."""
    return float(np.mean(values, dtype=np.float64)) if values is not None and len(values) else None
