"""Stopping rules of unlearning, and the guard against collapse of the model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from cu_core.base.registry import Registry
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.catalogue.selections import FORGET_KINDS


@dataclass(frozen=True)
class RuleOutcome:
    """What a stopping rule said after a round.

    Attributes:
        name: id of the `StoppingRule`.
        value: accuracy that has to fall, 0..1; of rules that compare with references a distance to them, 0 or more, in
            half widths of the 95 % band of one more reference.
        threshold: level that it has to reach, in the same unit.
        met: whether value ≤ threshold.
    """

    name: str
    value: float
    threshold: float
    met: bool

    def to_json(self) -> dict[str, Any]:
        """As stored in a manifest."""
        return asdict(self)


@dataclass(frozen=True)
class StoppingRule:
    """One rule that ends unlearning, evaluated after every round.

    Attributes:
        id: name on the command line and in run files.
        title: name shown to people.
        summary: one sentence.
        levels: from forget accuracy, unseen accuracy (each 0..1 or None, on the rule's own samples) and the number of
            classes to the accuracy that has to fall and the level that it has to reach; None where there is nothing
            to judge.
        looks_at: its own samples: ``"forget"``, ``"unseen"`` or ``"unseen_forgotten"``, those of the forgotten classes.
        why_not: from task and kind of the training objective to why the rule cannot be asked for.
        metric: of `cu_core.catalogue.metric_record.METRICS` in whose pane the threshold is drawn; empty for none.
        references: how many retrained models it needs at least; they are then trained before unlearning, and what has
            to fall is the distance to them. 0 for rules of accuracies.
    """

    id: str
    title: str
    summary: str
    levels: Callable[[float | None, float | None, int], tuple[float, float] | None]
    looks_at: tuple[str, ...] = ()
    why_not: Callable[[str, str], str | None] = lambda task, objective: None
    metric: str = ""
    references: int = 0


LIKE_REFERENCE = "like-reference"

STOPPING_RULES: Registry[StoppingRule] = Registry("stopping rule", StoppingRule, field="stop.rule")


def _class_levels(forget: float | None, unseen: float | None, classes: int) -> tuple[float, float] | None:
    return None if unseen is None else (unseen, 1 / classes)


def _sample_levels(forget: float | None, unseen: float | None, classes: int) -> tuple[float, float] | None:
    return None if forget is None or unseen is None else (forget, unseen)


def _chance_levels(forget: float | None, unseen: float | None, classes: int) -> tuple[float, float] | None:
    return None if forget is None else (forget, 1 / classes)


def _why_not_class(task: str, objective: str) -> str | None:
    if task != "class":
        return "the class rule needs a forget set of whole classes"
    if objective == "self-supervised":
        return (
            "an encoder's classes come from a vote of retain samples, which never names a forgotten class: the class "
            "rule would be met before anything is unlearned"
        )
    return None


STOPPING_RULES.add(
    StoppingRule(
        "class",
        "Class",
        "Accuracy on unseen samples of the forgotten classes is at most 1/C (Contrastive Unlearning).",
        _class_levels,
        ("unseen_forgotten",),
        _why_not_class,
        metric="test_acc_forgotten",
    ),
    StoppingRule(
        "sample",
        "Sample",
        "Forget accuracy is at most unseen accuracy (Contrastive Unlearning).",
        _sample_levels,
        ("forget", "unseen"),
        metric="forget_acc",
    ),
    StoppingRule(
        "chance",
        "Chance",
        "Forget accuracy is at most 1/C, for wrong labels (this project's own).",
        _chance_levels,
        ("forget",),
    ),
    StoppingRule(
        LIKE_REFERENCE,
        "Like reference",
        "Margin, position and odds of the answers lie within the 95 % band of one more reference (this project's own; "
        f"needs {LEAST_REFERENCES} references or more, which are trained before unlearning).",
        lambda forget, unseen, classes: None,
        ("forget", "unseen"),
        references=LEAST_REFERENCES,
    ),
    StoppingRule("none", "None", "Runs all rounds.", lambda forget, unseen, classes: None),
)


def rule_for(requested: str, selection: str, *, encoder: bool = False, unguarded: bool = False) -> str:
    """The rule that ``auto`` stands for, or the requested one.

    Args:
        requested: `StopSpec.rule`.
        selection: kind of the forget set, e.g. ``"class"`` or ``"mislabelled"``; its record names a rule.
        encoder: whether the model has no classes. A vote of retain samples is about as right on forget samples
            as on unseen ones before any unlearning, so no accuracy says when to stop.
        unguarded: whether the method throws the trained model away (untrained, it meets every rule), or shows rounds
            that were made elsewhere.
    """
    if unguarded:
        return "none"
    if requested != "auto":
        return requested
    return "none" if encoder else FORGET_KINDS.named(selection).rule


def why_too_few(rule: str, references: int) -> str | None:
    """Why there are too few retrained models for a rule, in words; None where there are enough or it needs none.

    Args:
        rule: id of a `StoppingRule`, or ``"auto"``.
        references: how many there will be.
    """
    needed = 0 if rule == "auto" else STOPPING_RULES.named(rule).references
    if references >= needed:
        return None
    asked = f"{references} {'is' if references == 1 else 'are'} asked for"
    return f"the {rule} rule compares with at least {needed} retrained models, and {asked}"


def judge_distance(rule: str, distance: float | None) -> RuleOutcome | None:
    """Applies a rule that compares with references.

    Args:
        rule: id of a `StoppingRule`.
        distance: to the references, in half widths of their band; None where it cannot be measured.

    Returns:
        The outcome, or None where there is nothing to judge.
    """
    return None if distance is None else RuleOutcome(rule, distance, 1.0, distance <= 1.0)


def judge(
    rule: str, forget_accuracy: float | None, unseen_accuracy: float | None, num_classes: int
) -> RuleOutcome | None:
    """Applies a stopping rule.

    Args:
        rule: id of a `StoppingRule`.
        forget_accuracy: on the rule's forget samples.
        unseen_accuracy: on the rule's unseen samples (see `StoppingRule.looks_at`).
        num_classes: C.

    Returns:
        The verdict, or None where there is no rule or nothing to judge it on.
    """
    found = STOPPING_RULES.named(rule).levels(forget_accuracy, unseen_accuracy, num_classes)
    return None if found is None else RuleOutcome(rule, *found, found[0] <= found[1])


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
