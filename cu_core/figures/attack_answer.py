"""What all attacks of a run say together: the one farthest from retraining, and which numbers carry no certainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cu_core.catalogue.attack_record import ATTACKS, WAYS
from cu_core.metrics.roc import LOW_FPR

Attacks = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Attack, model, way to numbers, as the audit's manifest holds them."""

COMPARED = ("refitted", "transferred")
"""Ways in which both the unlearned model and the reference are attacked."""

NOTHING = 0.5
"""AUC of an attack that cannot tell."""

_WIDTH = 1e-9


@dataclass(frozen=True)
class AttackPair:
    """One attack on the unlearned model beside the same one on the reference.

    Attributes:
        attack: its id.
        way: how it was fitted.
        after: AUC with its interval: value, lower and upper end.
        reference: the same on the reference; None where there is none.
    """

    attack: str
    way: str
    after: tuple[float, float, float]
    reference: tuple[float, float, float] | None

    @property
    def distance(self) -> float:
        """From the reference, or from an attack that cannot tell; above 0 forget samples look more like members."""
        return self.after[0] - (self.reference[0] if self.reference else NOTHING)

    @property
    def apart(self) -> bool:
        """Whether the intervals do not meet; without a reference, whether the interval leaves out 0.5."""
        _, low, high = self.reference or (NOTHING, NOTHING, NOTHING)
        return self.after[1] > high or self.after[2] < low

    @property
    def title(self) -> str:
        """The attack and how it was fitted."""
        return f"{attack_title(self.attack)}, {WAYS[self.way].title.lower()}"


@dataclass(frozen=True)
class MovedAttack:
    """An attack on the unlearned model that was fitted before unlearning, beside the same one fitted afterwards.

    Attributes:
        attack: its id.
        transferred: AUC of the one that was fitted to the model before.
        refitted: AUC of the one that was fitted to the unlearned model.
    """

    attack: str
    transferred: float
    refitted: float

    @property
    def gap(self) -> float:
        """What fitting anew adds."""
        return self.refitted - self.transferred


def most_moved(attacks: Attacks) -> MovedAttack | None:
    """The attack to which it makes most difference when it was fitted; None where none was made in both ways."""
    found = []
    for attack, models in attacks.items():
        ways = models.get("after", {})
        before, anew = _interval(ways.get("transferred")), _interval(ways.get("refitted"))
        if before is not None and anew is not None:
            found.append(MovedAttack(attack, before[0], anew[0]))
    return max(found, key=lambda moved: abs(moved.gap), default=None)


def attack_title(attack: str) -> str:
    """Name of an attack; its id where this program does not know it."""
    return ATTACKS[attack].title if attack in ATTACKS else attack


def pairs_of(attacks: Attacks) -> list[AttackPair]:
    """All attacks on the unlearned model that gave an AUC with an interval, farthest from the reference first.

    Those whose intervals do not meet the reference's come before all others.
    """
    found = []
    for attack, models in attacks.items():
        for way in COMPARED:
            after = _interval(models.get("after", {}).get(way))
            if after is not None:
                found.append(AttackPair(attack, way, after, _interval(models.get("reference", {}).get(way))))
    if any(pair.reference for pair in found):
        found = [pair for pair in found if pair.reference]
    return sorted(found, key=lambda pair: (not pair.apart, -abs(pair.distance)))


def blind_before(attacks: Attacks) -> bool:
    """Whether the model before unlearning was attacked beside a reference, and no attack told the two apart."""
    found = []
    for attack, models in attacks.items():
        before, reference = (_interval(models.get(model, {}).get("refitted")) for model in ("before", "reference"))
        if before is not None and reference is not None:
            found.append(AttackPair(attack, "refitted", before, reference))
    return bool(found) and not any(pair.apart for pair in found)


def answer_words(attacks: Attacks) -> tuple[str, str]:
    """The answer of all attacks together: a short one, and the number behind it beside its reference.

    Returns:
        Both empty where no attack gave an AUC.
    """
    pairs = pairs_of(attacks)
    if not pairs:
        return "", ""
    worst = pairs[0]
    apart = sum(pair.apart for pair in pairs)
    # Beside a reference an attack may well tell members from others: it does so on a retrained model, too.
    finds = "a difference to retraining" if worst.reference else "the forgotten samples among unseen ones"
    if not apart:
        in_both = len({pair.way for pair in pairs}) > 1
        several = f"all {len(pairs)} intervals{', of each way of fitting,' if in_both else ''} meet"
        one = "the interval meets" if len(pairs) == 1 else several
        goal = "those of a retrained model" if worst.reference else "chance"
        short = f"By its AUC, no attack made here finds {finds}: {one} {goal}."
        if worst.reference and blind_before(attacks):
            short += " Before unlearning none of them found one either, so their failing says nothing of unlearning."
    else:
        ways = ", counted once for each way of fitting," if len({pair.way for pair in pairs}) > 1 else ""
        side = "more" if worst.distance > 0 else "less"
        than = "after retraining" if worst.reference else "samples that were never seen"
        short = (
            f"{apart} of {len(pairs)} attacks{ways} {'finds' if apart == 1 else 'find'} {finds}: "
            f"by the farthest the forgotten look {side} like members than {than}."
        )
    beside = f"; on a retrained model {_shown(worst.reference)}" if worst.reference else ""
    return short, f"Farthest: {worst.title}, AUC {_shown(worst.after)}{beside}. An AUC of 0.5 cannot tell."


def why_uncertain(found: Mapping[str, Any], number: str, others: int | None = None) -> str:
    """Why a number says less than its interval makes believe; empty where there is no such reason.

    Args:
        found: all numbers of an attack on a model.
        number: id of the number.
        others: non-members behind it, where known.
    """
    value, low, high = found.get(number) or (None, None, None)
    if value is None:
        return ""
    if number == "tpr_at_1_fpr" and others and 1 / others > LOW_FPR:
        return f"is coarse: one of {others:,} non-members is {1 / others:.1%}"
    if low is None or high is None:
        return "has no interval"
    if high - low > _WIDTH:
        return ""
    recall, right = ((found.get(name) or [None])[0] for name in ("recall", "accuracy"))
    # Both sides are as large as each other, so whoever judges all alike is right about half of them.
    if number not in ("auc", "tpr_at_1_fpr") and recall in (0, 1) and right is not None and abs(right - 0.5) < 1e-9:
        return f"judges {'every' if recall else 'no'} sample a member, so its interval has no width"
    return "gives the same number in every resample, so its interval has no width"


def _interval(found: Mapping[str, Any] | None) -> tuple[float, float, float] | None:
    value, low, high = (found or {}).get("auc") or (None, None, None)
    if value is None:
        return None
    return value, value if low is None else low, value if high is None else high


def _shown(values: tuple[float, float, float] | None) -> str:
    return "n/a" if values is None else f"{values[0]:.2f} ({values[1]:.2f} to {values[2]:.2f})"
