"""Question: what is the best that any attacker here reaches, beyond what it reaches on retrained models?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.membership import loss_auc
from cu_core.metrics.questions.remembers import FEWEST, Attacked, auc_floor, shadow_attacks, strangers_of
from cu_core.metrics.questions.verdict_evidence import (
    GroupSeen,
    Inquiry,
    ModelSeen,
    Statistic,
    VerdictEvidence,
)

ATTACK = Question(
    id="attack",
    title="Attack",
    question="What is the best that any attacker here reaches?",
    means="Differs: one of several membership attacks, free to accuse either side, tells more of forgotten samples "
    "than the best of the same attacks does on a retrained model.",
    means_not="Stronger attackers with more shadow models exist; the deep audit is one.",
    look="attack",
    ask=lambda evidence: strongest_attack(evidence),
    if_differs="An attack tells more of it than of retrained models.",
    if_none="No attack that was tried tells more of it than of retrained models.",
)

Plain = Callable[[GroupSeen], np.ndarray]
"""From a model's answers to (n,) scores, larger for members."""


def strongest_attack(evidence: VerdictEvidence) -> Inquiry:
    """Asks for the attack that reaches most beyond what it reaches on retrained models.

    An attack may tell forget samples from unseen ones on any model, as where labels are wrong; so each is measured
    beside itself on retrained models. For whole classes, attacks that compare a sample with retrained models judge
    forget samples against unseen ones of the other classes (was this class learned?), the others against unseen samples
    of the same classes.

    Args:
        evidence: of all models.
    """
    forget, unseen = evidence.after.forget, evidence.after.unseen
    same = np.isin(unseen.labels, forget.labels)
    others = strangers_of(evidence)
    if len(forget) < FEWEST or min(same.sum(), others.sum()) < FEWEST:
        return Inquiry(
            missing=f"it needs {FEWEST} forget samples and as many unseen ones of the same classes"
            + (" and of others" if evidence.task == "class" else "")
        )
    plain = {} if evidence.kind == "self-supervised" else PLAIN
    attacks: dict[str, Attacked] = {name: _alone(score) for name, score in plain.items()}
    attacks |= shadow_attacks(evidence, others)
    known: dict[tuple[str, int, tuple[int, ...]], float] = {}

    def area(name: str, model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        key = name, id(model), tuple(map(id, references))
        if key not in known:
            found = attacks[name](model, references)
            known[key] = 0.5 if found is None else found
        return known[key]

    def best(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        found = []
        for name in attacks:
            usual = [area(name, one, [r for r in references if r is not one] or references) for one in references]
            found.append(abs(area(name, model, references) - float(np.mean(usual))))
        return max(found)

    return Inquiry(
        (
            Statistic(
                "best",
                f"Largest of {len(attacks)} attacks' AUCs, beyond what the attack reaches on retrained models",
                "",
                best,
                len(forget),
                high="an attack tells more than on retrained models",
                bounds=(0.0, 1.0),
                floor=auc_floor(len(forget), int(min(same.sum(), others.sum()))),
            ),
        )
    )


def _alone(score: Plain) -> Attacked:
    """The AUC of an attack that looks at one model alone."""

    def area(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        return loss_auc(-score(model.forget), model.forget.labels, -score(model.unseen), model.unseen.labels)

    return area


def _margin(seen: GroupSeen) -> np.ndarray:
    return seen.score


def _confidence(seen: GroupSeen) -> np.ndarray:
    return np.asarray(seen.outputs.max(1))


def _entropy(seen: GroupSeen) -> np.ndarray:
    return np.asarray((seen.outputs * np.log(np.maximum(seen.outputs, 1e-300))).sum(1))


PLAIN: Mapping[str, Plain] = {"loss": _margin, "confidence": _confidence, "entropy": _entropy}
"""Attacks that look at one model alone. The margin ranks samples as their loss does."""
