"""Question: are forgotten samples still known, or known as too bad? Calibrated margins, forget minus unseen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.membership import loss_auc
from cu_core.metrics.questions.verdict_evidence import (
    GroupSeen,
    Inquiry,
    ModelSeen,
    Statistic,
    VerdictEvidence,
    calibrated,
)

FEWEST = 10
"""Samples of a group below which its mean says nothing."""
STILL = "still known"
TOO_BAD = "known as too bad"

REMEMBERS = Question(
    id="remembers",
    title="Remembers",
    question="Are forgotten samples still known, or known as too bad?",
    means="Differs: the model's margin on forgotten samples, minus what retrained models have on the same ones, is not "
    "that on unseen samples; above, they are still known, below, they stand out by being worse than strangers.",
    means_not="No difference in the mean leaves single samples that may be known; the deep audit looks at each.",
    look="attack",
    ask=lambda evidence: remembers(evidence),
)


def remembers(evidence: VerdictEvidence) -> Inquiry:
    """Asks for membership of the forget samples.

    Margins are those of a model minus the mean of the references on the same sample, so that what is hard for everybody
    counts for nobody. For samples, unseen ones weigh as the forget set mixes classes. For whole classes, unseen samples
    of the forgotten classes are forgotten with them, so those of other classes are the strangers. The difference to
    retained samples has to point the same way: otherwise the model treats all training images otherwise, which is no
    membership.

    Args:
        evidence: of all models.
    """
    forget, unseen = evidence.after.forget, evidence.after.unseen
    of_classes = evidence.task == "class"
    strangers = evidence.ours(unseen) if of_classes else np.isin(unseen.labels, forget.labels)
    if len(forget) < FEWEST or strangers.sum() < FEWEST:
        return Inquiry(
            missing=f"it needs {FEWEST} forget samples and as many unseen ones to compare them with; there are "
            f"{len(forget)} and {int(strangers.sum())}"
        )
    weights = np.where(strangers, 1.0, 0.0) if of_classes else class_mix(unseen, forget)
    kept = class_mix(evidence.after.retain, forget) if not of_classes else evidence.ours(evidence.after.retain) * 1.0
    members = np.isin(forget.labels, unseen.labels) if not of_classes else np.ones(len(forget), bool)

    def gap(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        own, others = calibrated("forget", model, references), calibrated("unseen", model, references)
        return float(own[members].mean() - np.average(others, weights=weights))

    def beside_retained(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        own, others = calibrated("forget", model, references), calibrated("retain", model, references)
        return float(own[members].mean() - np.average(others, weights=kept)) if kept.sum() else None

    def area(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        own, others = calibrated("forget", model, references), calibrated("unseen", model, references)
        return loss_auc(-own, forget.labels, -others, unseen.labels)

    unit = "of cosine" if evidence.kind == "self-supervised" else "of log-odds"
    title = "Margin of forget minus other classes" if of_classes else "Margin of forget minus unseen samples"
    n = int(members.sum())
    statistics = [Statistic("margin", title, unit, gap, n, TOO_BAD, STILL, control=beside_retained)]
    both = np.isin(unseen.labels, forget.labels).sum()
    if both >= FEWEST:
        statistics.append(
            Statistic("auc", "AUC of calibrated margins, forget against unseen", "", area, n, TOO_BAD, STILL)
        )
    return Inquiry(tuple(statistics))


def class_mix(others: GroupSeen, forget: GroupSeen) -> np.ndarray:
    """(m,) weights that give some samples the class mix of the forget set; 0 for classes that it does not have.

    Args:
        others: m samples.
        forget: the forget samples.
    """
    size = int(max(others.labels.max(initial=0), forget.labels.max(initial=0))) + 1
    wanted, there = (np.bincount(g.labels, minlength=size) for g in (forget, others))
    return np.asarray((wanted / np.maximum(there, 1))[others.labels], dtype=np.float64)
