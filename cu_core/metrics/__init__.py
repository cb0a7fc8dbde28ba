"""Metrics: the explicit list of what every evaluation reports."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.catalogue.objective_record import KINDS


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation.

    Attributes:
        id: key in run files.
        title: name shown to people.
        summary: one sentence with the direction and the target.
        percent: whether it is a share to be shown in percent.
        bounded: whether it lies within -1..1.
        predicted: whether it rests on predicted classes, which for encoders come from a vote of neighbours.
        tasks: forgetting tasks for which it exists.
        objectives: kinds of models for which it exists, as in `cu_core.catalogue.method_record.Method`.
    """

    id: str
    title: str
    summary: str
    percent: bool = True
    bounded: bool = True
    predicted: bool = False
    tasks: tuple[str, ...] = ("class", "sample")
    objectives: tuple[str, ...] = KINDS

    def exists(self, task: str, objective: str) -> bool:
        """Whether runs of that task on that kind of model can report it."""
        return task in self.tasks and objective in self.objectives

    def title_for(self, objective: str) -> str:
        """The title, which says of an encoder's accuracies that they are those of weighted nearest neighbours."""
        return f"{self.title} (kNN)" if self.predicted and objective == "self-supervised" else self.title


METRICS: dict[str, Metric] = {
    m.id: m
    for m in (
        Metric(
            "forget_acc",
            "Forget accuracy",
            "Share of forget samples classified as labelled; target: the reference. Encoders: by weighted vote of "
            "the 200 nearest retain samples, as all accuracies; none for forgotten classes, which never vote.",
            predicted=True,
        ),
        Metric(
            "retain_acc",
            "Retain accuracy",
            "Share of retain samples classified as labelled.",
            predicted=True,
        ),
        Metric(
            "test_acc",
            "Unseen accuracy",
            "Share of unseen samples classified correctly.",
            predicted=True,
        ),
        Metric(
            "test_acc_forgotten",
            "Unseen accuracy, forgotten classes",
            "Accuracy on unseen samples of the forgotten classes; the retrained model is near 0.",
            tasks=("class",),
            predicted=True,
        ),
        Metric(
            "test_acc_retained",
            "Unseen accuracy, other classes",
            "Accuracy on unseen samples of the classes that stay.",
            tasks=("class",),
            predicted=True,
        ),
        Metric(
            "true_label_acc",
            "True-label accuracy on forget set",
            "Share of forget samples classified as their label before noise (mislabelled forget sets only).",
            tasks=("sample",),
            predicted=True,
        ),
        Metric(
            "probe_recovery",
            "Probe recovery",
            "Accuracy on unseen samples of the forgotten classes of a linear probe that is fitted to the frozen trunk "
            "features and shown all classes: what is still there although the model no longer says it. Target: the "
            "reference.",
            tasks=("class",),
        ),
        Metric(
            "linear_acc",
            "Linear evaluation",
            "Accuracy on unseen samples of a linear classifier fitted to the frozen encoder's features of retain "
            "samples; unseen samples of forgotten classes are left out.",
            objectives=("self-supervised",),
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
        Metric(
            "forget_top1",
            "Top-1 probability, forget",
            "Mean highest class probability of forget samples; encoders: softmax over the outputs. Target: that of "
            "unseen samples.",
            percent=False,
        ),
        Metric(
            "unseen_top1",
            "Top-1 probability, unseen",
            "Mean highest class probability of unseen samples; encoders: softmax over the outputs.",
            percent=False,
        ),
        Metric(
            "forget_loss",
            "Loss, forget",
            "Mean cross-entropy of forget samples in nats; encoders: the loss of their own training between two "
            "fixed views (nats; BYOL: 0 to 4). Target: that of unseen samples.",
            percent=False,
            bounded=False,
        ),
        Metric("unseen_loss", "Loss, unseen", "The same mean loss of unseen samples.", percent=False, bounded=False),
        Metric(
            "forget_two_view",
            "Two-view cosine, forget",
            "Mean cosine of the embeddings of two augmented views of a forget sample. Target: that of unseen samples.",
            percent=False,
        ),
        Metric(
            "unseen_two_view",
            "Two-view cosine, unseen",
            "Mean cosine of the embeddings of two augmented views of an unseen sample.",
            percent=False,
        ),
    )
}
