"""Accuracies of the forget, retain and unseen groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cu_core.catalogue.metric_record import Evidence, Metric


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float | None:
    """Share of samples whose prediction equals the label, 0..1; None for an empty group.

    Args:
        predicted: (n,) class indices.
        labels: (n,) class indices.
    """
    return float(np.mean(predicted == labels)) if len(labels) else None


def unseen_accuracies(
    predicted: np.ndarray, labels: np.ndarray, forgotten: Sequence[int]
) -> tuple[float | None, float | None]:
    """Accuracy on unseen samples of the forgotten classes and of the other classes.

    Args:
        predicted: (n,) class indices.
        labels: (n,) class indices.
        forgotten: labels of the forgotten classes.
    """
    inside = np.isin(labels, list(forgotten))
    return accuracy(predicted[inside], labels[inside]), accuracy(predicted[~inside], labels[~inside])


def forget_accuracy(evidence: Evidence) -> float | None:
    """Over the forget samples that a prediction can name: on others it would be 0 whatever the encoder knows."""
    forget, voters = evidence.forget, evidence.voters
    nameable = np.arange(len(forget.labels)) if voters is None else np.flatnonzero(np.isin(forget.labels, voters))
    return accuracy(forget.prediction[nameable], forget.labels[nameable])


def _by_class(evidence: Evidence) -> tuple[float | None, float | None]:
    return unseen_accuracies(evidence.unseen.prediction, evidence.unseen.labels, evidence.forgotten)


def _forgotten_accuracy(evidence: Evidence) -> float | None:
    voters = evidence.voters
    unknown = voters is not None and not np.isin(evidence.forgotten, voters).any()
    return None if unknown else evidence.once(_by_class)[0]


def _true_label_accuracy(evidence: Evidence) -> float | None:
    assert evidence.true_labels is not None
    return accuracy(evidence.forget.prediction, evidence.true_labels)


FORGET_ACC = Metric(
    "forget_acc",
    "Forget accuracy",
    "Share of forget samples classified as labelled; target: the reference. Encoders: by weighted vote of "
    "the 200 nearest retain samples, as all accuracies; none for forgotten classes, which never vote.",
    forget_accuracy,
    "forget",
    target="the reference",
    predicted=True,
    heading="Forget",
)
RETAIN_ACC = Metric(
    "retain_acc",
    "Retain accuracy",
    "Share of retain samples classified as labelled.",
    lambda evidence: accuracy(evidence.retain.prediction, evidence.retain.labels),
    "retain",
    target="high",
    predicted=True,
    heading="Retain",
)
TEST_ACC = Metric(
    "test_acc",
    "Unseen accuracy",
    "Share of unseen samples classified correctly.",
    lambda evidence: accuracy(evidence.unseen.prediction, evidence.unseen.labels),
    "unseen",
    target="high",
    predicted=True,
    heading="Unseen",
)
TEST_ACC_FORGOTTEN = Metric(
    "test_acc_forgotten",
    "Unseen accuracy, forgotten classes",
    "Accuracy on unseen samples of the forgotten classes; the retrained model is near 0.",
    _forgotten_accuracy,
    "unseen_forgotten",
    target="the reference",
    tasks=("class",),
    predicted=True,
    heading="Forgotten cl.",
)
TEST_ACC_RETAINED = Metric(
    "test_acc_retained",
    "Unseen accuracy, other classes",
    "Accuracy on unseen samples of the classes that stay.",
    lambda evidence: evidence.once(_by_class)[1],
    "unseen_retained",
    target="high",
    tasks=("class",),
    predicted=True,
    heading="Other cl.",
)
TRUE_LABEL_ACC = Metric(
    "true_label_acc",
    "True-label accuracy on forget set",
    "Share of forget samples classified as their label before noise (mislabelled forget sets only).",
    _true_label_accuracy,
    "forget",
    target="high",
    applies=lambda evidence: evidence.true_labels is not None,
    tasks=("sample",),
    predicted=True,
    heading="True label",
)
