"""Question: are forgotten samples still known, or known too badly? Calibrated margins, forget minus unseen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.membership import loss_auc
from cu_core.metrics.questions.shadow_scores import iam, label_probability, rmia, rmia_scale
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
SHADOW_TITLES = {
    "auc": "AUC of calibrated margins, forget against unseen",
    "rmia": "AUC of RMIA with retrained models as shadows",
    "iam": "AUC of IAM with retrained models as shadows",
}
Attacked = Callable[[ModelSeen, Sequence[ModelSeen]], float | None]
"""AUC of an attack on a model with the help of references."""
STILL = "forgotten samples are still known"
TOO_BAD = "forgotten samples are known too badly"

REMEMBERS = Question(
    id="remembers",
    title="Remembers",
    question="Are forgotten samples still known, or known too badly?",
    means="Differs: the model's margin on forgotten samples, minus what retrained models have on the same ones, is not "
    "that on unseen samples (of whole classes: those of other classes); above, they are still known, below, they "
    "stand out by being worse than strangers.",
    means_not="No difference in the mean leaves single samples that may be known; the deep audit looks at each.",
    look="attack",
    ask=lambda evidence: remembers(evidence),
    if_differs="Forgotten samples stand out: they are still known, or known too badly.",
    if_none="No sign was found that forgotten samples are known better or worse than retrained models know them.",
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
    forget = evidence.after.forget
    of_classes = evidence.task == "class"
    strangers = strangers_of(evidence)
    if len(forget) < FEWEST or strangers.sum() < FEWEST:
        return Inquiry(
            missing=f"it needs {FEWEST} forget samples and as many unseen ones to compare them with; there are "
            f"{len(forget)} and {int(strangers.sum())}"
        )
    weights, members = stranger_weights(evidence), judged_members(evidence)
    kept = class_mix(evidence.after.retain, forget) if not of_classes else evidence.ours(evidence.after.retain) * 1.0

    def gap(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        own, others = calibrated("forget", model, references), calibrated("unseen", model, references)
        return float(own[members].mean() - np.average(others, weights=weights))

    def beside_retained(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        own, others = calibrated("forget", model, references), calibrated("retain", model, references)
        return float(own[members].mean() - np.average(others, weights=kept)) if kept.sum() else None

    unit = "of cosine" if evidence.kind == "self-supervised" else "of log-odds"
    title = "Margin of forget minus other classes" if of_classes else "Margin of forget minus unseen samples"
    n = int(members.sum())
    statistics = [Statistic("margin", title, unit, gap, n, TOO_BAD, STILL, control=beside_retained)]
    for attack, area in shadow_attacks(evidence, strangers).items():
        floor = auc_floor(n, int(strangers.sum()))
        statistics.append(
            Statistic(attack, SHADOW_TITLES[attack], "", area, n, TOO_BAD, STILL, floor=floor, bounds=(0.0, 1.0))
        )
    return Inquiry(tuple(statistics))


def strangers_of(evidence: VerdictEvidence) -> np.ndarray:
    """(m,) bool: unseen samples that forget samples are told from, of their classes or, of whole ones, of others."""
    unseen = evidence.after.unseen
    return evidence.ours(unseen) if evidence.task == "class" else np.isin(unseen.labels, evidence.after.forget.labels)


def stranger_weights(evidence: VerdictEvidence) -> np.ndarray:
    """(m,) what each unseen sample weighs as a stranger: of samples, so that classes mix as in the forget set."""
    if evidence.task == "class":
        return strangers_of(evidence) * 1.0
    return class_mix(evidence.after.unseen, evidence.after.forget)


def judged_members(evidence: VerdictEvidence) -> np.ndarray:
    """(n,) bool: forget samples that there are strangers for."""
    forget = evidence.after.forget
    if evidence.task == "class":
        return np.ones(len(forget), bool)
    return np.isin(forget.labels, evidence.after.unseen.labels)


def shadow_attacks(evidence: VerdictEvidence, strangers: np.ndarray) -> dict[str, Attacked]:
    """AUCs of attacks that compare a sample with what retrained models say of it: calibrated margin, RMIA, IAM.

    Of whole classes, strangers have other labels by design, and then all samples count as of one class.

    Args:
        evidence: of all models.
        strangers: (m,) bool, unseen samples that forget samples are told from.
    """
    one = evidence.task == "class"
    mine = np.zeros(len(evidence.after.forget), int) if one else evidence.after.forget.labels
    theirs = np.zeros(int(strangers.sum()), int) if one else evidence.after.unseen.labels[strangers]

    def area(forget: np.ndarray, unseen: np.ndarray) -> float | None:
        return loss_auc(-forget, mine, -unseen[strangers], theirs)

    def by_margin(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        return area(calibrated("forget", model, references), calibrated("unseen", model, references))

    if evidence.kind == "self-supervised" or not evidence.references:
        return {"auc": by_margin}

    def by_ratio(scale: float, model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        return area(*(rmia(*probabilities(group, model, references), scale) for group in ("forget", "unseen")))

    scale = rmia_scale(lambda a: by_ratio(a, evidence.base, evidence.references))
    before = {g: label_probability(getattr(evidence.base, g).score) for g in ("forget", "unseen")}

    def interpolated(group: str, model: ModelSeen, references: Sequence[ModelSeen]) -> np.ndarray:
        own, others = probabilities(group, model, references)
        return iam(own, before[group], others)

    def by_interpolation(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        return area(interpolated("forget", model, references), interpolated("unseen", model, references))

    return {"auc": by_margin, "rmia": partial(by_ratio, scale), "iam": by_interpolation}


def probabilities(group: str, model: ModelSeen, references: Sequence[ModelSeen]) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the label under a model, (n,), and under references, (k, n)."""
    return (
        label_probability(getattr(model, group).score),
        np.stack([label_probability(getattr(r, group).score) for r in references]),
    )


def auc_floor(members: int, others: int) -> float:
    """No AUC has a smaller spread: half of what one sample that changes its rank moves it by."""
    return 0.5 / max(min(members, others), 1)


def class_mix(others: GroupSeen, forget: GroupSeen) -> np.ndarray:
    """(m,) weights that give some samples the class mix of the forget set; 0 for classes that it does not have.

    Args:
        others: m samples.
        forget: the forget samples.
    """
    size = int(max(others.labels.max(initial=0), forget.labels.max(initial=0))) + 1
    wanted, there = (np.bincount(g.labels, minlength=size) for g in (forget, others))
    return np.asarray((wanted / np.maximum(there, 1))[others.labels], dtype=np.float64)
