"""Metrics: the explicit list of what every evaluation reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation.

    Attributes:
        id: key in run files.
        title: name shown to people.
        summary: one sentence with the direction and the target.
        percent: whether it is a share to be shown in percent.
        tasks: forgetting tasks for which it exists.
    """

    id: str
    title: str
    summary: str
    percent: bool = True
    tasks: tuple[str, ...] = ("class", "sample")


METRICS: dict[str, Metric] = {
    m.id: m
    for m in (
        Metric(
            "forget_acc", "Forget accuracy", "Share of forget samples classified as labelled; target: the reference."
        ),
        Metric("retain_acc", "Retain accuracy", "Share of retain samples classified as labelled."),
        Metric("test_acc", "Unseen accuracy", "Share of unseen samples classified correctly."),
        Metric(
            "test_acc_forgotten",
            "Unseen accuracy, forgotten classes",
            "Accuracy on unseen samples of the forgotten classes; the retrained model is near 0.",
            tasks=("class",),
        ),
        Metric(
            "test_acc_retained",
            "Unseen accuracy, other classes",
            "Accuracy on unseen samples of the classes that stay.",
            tasks=("class",),
        ),
        Metric(
            "true_label_acc",
            "True-label accuracy on forget set",
            "Share of forget samples classified as their label before noise (mislabelled forget sets only).",
            tasks=("sample",),
        ),
        Metric(
            "mia_auc",
            "Membership AUC (loss)",
            "How well the loss tells forget samples from unseen ones of the same classes; 0.5 is chance, "
            "the target is the reference.",
            percent=False,
        ),
        Metric(
            "own_centroid_cosine",
            "Cosine to own class",
            "Mean cosine of forget samples to the centroid of retained samples with their label.",
            percent=False,
        ),
        Metric(
            "other_centroid_cosine",
            "Cosine to nearest other class",
            "Mean cosine of forget samples to the nearest centroid of another class's retained samples.",
            percent=False,
        ),
    )
}
