"""What people commonly take unlearning for, and where in the program each is answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Misconception:
    """One belief that does not hold.

    Attributes:
        id: short name.
        belief: as somebody would say it.
        answers: where it is answered: ``("term", id)`` of the glossary or ``("lesson", id)`` of a step.
    """

    id: str
    belief: str
    answers: tuple[tuple[str, str], ...]


MISCONCEPTIONS = (
    Misconception("lower-is-better", "A lower forget accuracy is better.", (("term", "accuracy"), ("lesson", "class"))),
    Misconception(
        "random-to-zero",
        "Accuracy on random forgotten samples should reach 0 %.",
        (("term", "class-and-sample"), ("lesson", "samples")),
    ),
    Misconception("attack-at-half", "An attack at 50 % is proof.", (("term", "transferred"), ("lesson", "coin"))),
    Misconception("below-half", "An AUC below 0.5 is even safer.", (("term", "auc"), ("lesson", "below-half"))),
    Misconception(
        "accuracy-zero",
        "Accuracy 0 means that the features are gone.",
        (("term", "probe-recovery"), ("lesson", "filter")),
    ),
    Misconception(
        "deleted-row", "Deleting the row deletes it from the model.", (("term", "unlearning"), ("lesson", "relearn"))
    ),
    Misconception(
        "suppression",
        "Suppression is unlearning.",
        (("term", "output-filter"), ("lesson", "filter"), ("lesson", "relearn")),
    ),
    Misconception("one-truth", "One retrained model is the truth.", (("term", "band"), ("lesson", "references"))),
    Misconception(
        "small-distance", "A small distance to the retrained weights means unlearned.", (("term", "weight-distance"),)
    ),
    Misconception("moved-on-map", "Points that moved on a map drifted.", (("term", "drift"),)),
    Misconception(
        "alike", "Class and sample forgetting are alike.", (("term", "class-and-sample"), ("lesson", "samples"))
    ),
    Misconception("not-affected", "Retained people are not affected.", (("term", "retain"), ("lesson", "rounds"))),
    Misconception(
        "always-cheaper",
        "Unlearning is always cheaper than retraining.",
        (("term", "exact-unlearning"), ("lesson", "cost")),
    ),
    Misconception("guarantees", "(ε, δ) guarantees hold for deep networks.", (("term", "epsilon-delta"),)),
)
"""A step of a lesson that answers one is added to its `answers`."""
