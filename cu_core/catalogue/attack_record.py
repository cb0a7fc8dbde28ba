"""What the registry knows about a membership attack, and the vocabulary of its results."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.catalogue.objective_record import KINDS


@dataclass(frozen=True)
class Attack:
    """One membership attack; its score is larger for samples that look more like members.

    Attributes:
        id: name in run files.
        title: name shown to people.
        summary: one sentence: what it looks at and how it decides.
        score: what the score is, with its unit, for the axis of a figure.
        paper: source; empty for what needs none.
        implementation: ``"module:function"`` with the signature of `cu_core.metrics.attacks.fitting.Fit`; imported
            only where an attack is made.
        learned: whether a classifier is trained, so that the score is its decision value and 0 its threshold;
            else the score is one signal in its own unit and only the threshold is fitted.
        objectives: kinds of models that it can be made on (`cu_core.catalogue.objective_record.Objective.kind`).
    """

    id: str
    title: str
    summary: str
    score: str
    paper: str
    implementation: str
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
