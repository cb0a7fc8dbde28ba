"""When unlearning ends: the paper's two rules, one for wrong labels, a guard against collapse; for all methods."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RuleOutcome:
    """What a stopping rule said after a round.

    Attributes:
        name: ``"class"``, ``"sample"`` or ``"chance"``.
        value: accuracy that has to fall, 0..1.
        threshold: level that it has to reach, 0..1.
        met: whether value ≤ threshold.
    """

    name: str
    value: float
    threshold: float
    met: bool

    def to_json(self) -> dict[str, Any]:
        """As stored in a manifest."""
        return asdict(self)


def rule_for(requested: str, selection: str, *, encoder: bool = False, starts_anew: bool = False) -> str:
    """The rule that ``auto`` stands for, or the requested one.

    Args:
        requested: `StopSpec.rule`.
        selection: kind of the forget set, e.g. ``"class"`` or ``"mislabelled"``. Wrong labels are forgotten
            when they are no more likely than chance; unseen accuracy says nothing about them.
        encoder: whether the model has no classes. A vote of retain samples is about as right on forget samples
            as on unseen ones before any unlearning, so no accuracy says when to stop.
        starts_anew: whether the method throws the trained model away (`starts_anew`):
            untrained, it meets every rule.
    """
    if starts_anew:
        return "none"
    if requested != "auto":
        return requested
    if encoder:
        return "none"
    return {"class": "class", "mislabelled": "chance"}.get(selection, "sample")


def judge(
    rule: str, forget_accuracy: float | None, unseen_accuracy: float | None, num_classes: int
) -> RuleOutcome | None:
    """Applies a stopping rule (Contrastive Unlearning, termination condition).

    Class: accuracy on unseen samples of the forgotten classes ≤ 1 / C. Sample: accuracy on forget
    samples ≤ accuracy on unseen samples. Chance (ours, for wrong labels): accuracy on forget samples ≤ 1 / C.

    Args:
        rule: ``"class"``, ``"sample"``, ``"chance"`` or ``"none"``.
        forget_accuracy: on the rule's forget samples.
        unseen_accuracy: on the rule's unseen samples (class rule: of the forgotten classes only).
        num_classes: C.

    Returns:
        The verdict, or None where there is no rule or nothing to judge it on.
    """
    if rule == "class" and unseen_accuracy is not None:
        return RuleOutcome("class", unseen_accuracy, 1 / num_classes, unseen_accuracy <= 1 / num_classes)
    if rule == "sample" and forget_accuracy is not None and unseen_accuracy is not None:
        return RuleOutcome("sample", forget_accuracy, unseen_accuracy, forget_accuracy <= unseen_accuracy)
    if rule == "chance" and forget_accuracy is not None:
        return RuleOutcome("chance", forget_accuracy, 1 / num_classes, forget_accuracy <= 1 / num_classes)
    return None


def collapsed(diagnostics: dict[str, float], retain_before: float | None, retain_now: float | None, drop: float) -> str:
    """Why a run has to be given up, as ``"not_a_number"`` or ``"collapse"``; empty if it is healthy.

    Args:
        diagnostics: the method's numbers of this round.
        retain_before: retain accuracy at round 0.
        retain_now: retain accuracy after this round.
        drop: the fall that counts as collapse, 0..1.
    """
    if not all(math.isfinite(v) for v in diagnostics.values()):
        return "not_a_number"
    if retain_before is not None and retain_now is not None and retain_before - retain_now >= drop:
        return "collapse"
    return ""
