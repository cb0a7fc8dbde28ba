"""Question: were others harmed? Retained and unseen accuracy, the worst class, membership of retained samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.questions.remembers import FEWEST
from cu_core.metrics.questions.verdict_evidence import (
    GroupSeen,
    Inquiry,
    ModelSeen,
    Statistic,
    VerdictEvidence,
    calibrated,
)

PLANTED = 0.06
"""Share of right answers that the positive control is robbed of."""
LEAST = 0.005
"""A loss of accuracy of half a point is too small to matter."""

OTHERS = Question(
    id="others",
    title="Others",
    question="Were others harmed?",
    means="Differs: samples that were not to be forgotten are classified worse than by retrained models, as a whole or "
    "in one class, or retained ones stand out more as training samples.",
    means_not="It says nothing of what was to be forgotten.",
    look="confidence",
    ask=lambda evidence: others_harmed(evidence),
    about_forgetting=False,
    if_differs="Others were harmed: samples that were not to be forgotten.",
    if_none="No harm to others was found.",
)


def others_harmed(evidence: VerdictEvidence) -> Inquiry:
    """Asks for losses on retained and unseen samples of classes that are not forgotten.

    Args:
        evidence: of all models.
    """
    after = evidence.after
    kept, unseen = evidence.ours(after.retain), evidence.ours(after.unseen)
    if min(kept.sum(), unseen.sum()) < FEWEST:
        return Inquiry(missing=f"it needs {FEWEST} retained and {FEWEST} unseen samples")
    if evidence.references and not _knows(evidence, unseen):
        return Inquiry(
            missing="retrained models are not more often right than one that always answers with the same class, so "
            "there is little to harm"
        )
    # Those of forgotten classes are forgotten with them.
    of_others = " of other classes" if evidence.task == "class" else ""
    statistics = [
        _accuracy("retain", "Accuracy on retained samples", kept, evidence),
        _accuracy("unseen", f"Accuracy on unseen samples{of_others}", unseen, evidence),
    ]
    labels = np.unique(after.unseen.labels[unseen])
    few = min(int((after.unseen.labels == label).sum()) for label in labels)
    if few >= FEWEST:

        def worst(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
            # Against the mean of the references of the same class, so that a hard class is no harm.
            gaps = [
                float(model.unseen.right[rows].mean() - np.mean([r.unseen.right[rows].mean() for r in references]))
                for rows in (evidence.after.unseen.labels == label for label in labels)
            ]
            return min(gaps)

        statistics.append(
            Statistic(
                "worst-class",
                "Accuracy on the unseen samples of the worst class, minus that of retrained models",
                "(share)",
                worst,
                few,
                low="one class is classified worse",
                floor=_floor(0.9, few),
                least=0.02,
                bounds=(-1.0, 1.0),
            )
        )

    def stands_out(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        own, others = calibrated("retain", model, references), calibrated("unseen", model, references)
        return float(own[kept].mean() - others[unseen].mean())

    statistics.append(
        Statistic(
            "retained-members",
            "Margin of retained minus unseen samples, beyond that of retrained models",
            "of cosine" if evidence.kind == "self-supervised" else "of log-odds",
            stands_out,
            int(kept.sum()),
            high="retained samples stand out more as training samples",
        )
    )
    return Inquiry(tuple(statistics), planted=spoiled(evidence.classes))


def _knows(evidence: VerdictEvidence, rows: np.ndarray) -> bool:
    """Whether references are right on more unseen samples than a constant answer, by two deviations of counting.

    Where they are not, which classes they answer with is a matter of luck, and no class can be lost.
    """
    labels = evidence.after.unseen.labels[rows]
    constant = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    right = float(np.mean([r.unseen.right[rows].mean() for r in evidence.references]))
    return right > min(constant + 2 * _floor(constant, len(labels)), (1 + constant) / 2)


def spoiled(classes: int) -> Callable[[ModelSeen], ModelSeen]:
    """Makes a model that is wrong on a share `PLANTED` of the retained and unseen samples it was right on.

    Args:
        classes: number of classes.
    """

    def plant(model: ModelSeen) -> ModelSeen:
        return replace(model, retain=_spoil(model.retain, classes), unseen=_spoil(model.unseen, classes))

    return plant


def _spoil(group: GroupSeen, classes: int) -> GroupSeen:
    rows = np.flatnonzero(group.right)
    # In even steps over samples sorted by class: every class loses its share.
    rows = rows[np.argsort(group.labels[rows], kind="stable")]
    rows = rows[:: max(1, round(1 / PLANTED))]
    predicted = group.predicted.copy()
    predicted[rows] = (group.labels[rows] + 1) % max(classes, 2)
    return replace(group, predicted=predicted)


def _accuracy(group: str, title: str, rows: np.ndarray, evidence: VerdictEvidence) -> Statistic:
    def accuracy(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        seen: GroupSeen = getattr(model, group)
        return float(seen.right[rows].mean())

    n = int(rows.sum())
    right = [accuracy(r, ()) for r in evidence.references]
    level = (sum(right) * n + 2) / (len(right) * n + 4)
    words = {"retain": "retained samples are classified worse", "unseen": "unseen samples are classified worse"}
    return Statistic(
        group, title, "(share)", accuracy, n, low=words[group], floor=_floor(level, n), least=LEAST, bounds=(0.0, 1.0)
    )


def _floor(level: float, n: int) -> float:
    """Spread of a share by counting alone: references that are all right on all samples have none of their own."""
    return float(np.sqrt(level * (1 - level) / n))
