"""The record of a membership attack, its registry, and the names in its results."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.registry import Registry, Target
from cu_core.catalogue.objective_record import KINDS

REFERENCE = "reference"
MODELS = ("before", "after", REFERENCE)


@dataclass(frozen=True)
class Attack:
    """One membership attack; its score is larger for samples that look more like members.

    Attributes:
        id: name in run files.
        title: name shown to people.
        summary: one sentence: what it looks at and how it decides.
        score: what the score is, with its unit, for the axis of a figure.
        paper: source; empty for what needs none.
        fit: function, or ``"module:function"``, with the signature of `cu_core.metrics.attacks.fitting.Fit`.
        learned: whether a classifier is trained, so that the score is its decision value and 0 its threshold;
            else the score is one signal in its own unit and only the threshold is fitted.
        objectives: kinds of models that it can be made on (`cu_core.catalogue.objective_record.Objective.kind`).
    """

    id: str
    title: str
    summary: str
    score: str
    paper: str
    fit: Target
    learned: bool = False
    objectives: tuple[str, ...] = KINDS


@dataclass(frozen=True)
class Way:
    """On which model an attack was fitted.

    Attributes:
        id: name in run files.
        title: name shown to people.
        summary: one sentence: who the attacker is.
    """

    id: str
    title: str
    summary: str


@dataclass(frozen=True)
class AttackNumber:
    """One number of an attack on one model.

    Attributes:
        id: key in run files.
        title: name shown to people.
        summary: one sentence with the value that means "cannot tell".
    """

    id: str
    title: str
    summary: str


ATTACKS: Registry[Attack] = Registry("attack", Attack, group="unlearnscope.attacks")


WAYS: dict[str, Way] = {
    w.id: w
    for w in (
        Way(
            "refitted",
            "Re-fitted",
            "Fitted on answers of the very model that is attacked: the attacker knows that unlearning happened.",
        ),
        Way(
            "transferred",
            "Transferred",
            "Fitted on the model before unlearning and applied to this one: the attacker knows nothing of it.",
        ),
        Way(
            "shadow",
            "Shadow model",
            "Fitted on the reference, which has seen the retain samples but neither forget nor unseen ones.",
        ),
    )
}

NUMBERS: dict[str, AttackNumber] = {
    n.id: n
    for n in (
        AttackNumber(
            "accuracy",
            "Accuracy",
            "Share of samples judged rightly; members and others are equally many: 50 % is chance.",
        ),
        AttackNumber("precision", "Precision", "Share of members among those judged members; 50 % is chance."),
        AttackNumber(
            "recall", "Recall", "Share of members that are judged members; says little without the precision."
        ),
        AttackNumber(
            "auc", "AUC", "Chance that a member scores above a non-member, whatever the threshold; 0.5 cannot tell."
        ),
        AttackNumber(
            "tpr_at_1_fpr",
            "TPR at 1 % FPR",
            "Members found while at most 1 % of the others are accused; 1 % is chance.",
        ),
    )
}


def attacks_for(kind: str) -> list[Attack]:
    """The attacks that can be made on a kind of model, ``"supervised"`` or ``"self-supervised"``."""
    return [attack for attack in ATTACKS.values() if kind in attack.objectives]


def score_array(attack: str, model: str, way: str) -> str:
    """Name of the array that holds the scores of an attack on a model."""
    return f"score_{attack}_{model}_{way}"


def ways_for(model: str, shadow: bool) -> list[str]:
    """The ways in which a model is attacked.

    Args:
        model: one of `MODELS`, or a further reference, whose name begins like the first one's; on ``before`` itself,
            *transferred* would be *refitted*, and a reference cannot be its own shadow.
        shadow: whether there is a reference.
    """
    ways = ["refitted"] if model == "before" else ["refitted", "transferred"]
    return [*ways, "shadow"] if shadow and not model.startswith(REFERENCE) else ways
