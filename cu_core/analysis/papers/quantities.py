"""Quantities of published tables, and the keys of ``result.json`` that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENCODER_ATTACK = "encoder_mi_t"
"""The paper names EncoderMI without its variant; the threshold on the mean similarity is the simplest one."""

CLASSIFIER_ATTACK = "confidence"
"""The paper says that its attack on supervised models reads the confidence, and no more."""


@dataclass(frozen=True)
class Quantity:
    """One reported quantity.

    Attributes:
        id: name in columns.
        metric: metric id; of encoders the first, of classifiers the second. Empty for numbers of an attack.
        number: of the membership attack (``accuracy``, …); empty for metrics.
        effort: ``"seconds"`` of unlearning, ``"share"`` of them in retraining, or ``"rounds"``; empty for metrics.
        way: how the attack after unlearning was fitted.
        scale: factor to the table's unit.
        digits: after the decimal point.
    """

    id: str
    metric: tuple[str, str] = ("", "")
    number: str = ""
    effort: str = ""
    way: str = "transferred"
    scale: float = 1.0
    digits: int = 0


QUANTITIES: dict[str, Quantity] = {
    q.id: q
    for q in (
        Quantity("accuracy", ("linear_acc", "test_acc"), scale=100, digits=1),
        Quantity("accuracy_retained", ("linear_acc", "test_acc_retained"), scale=100, digits=2),
        Quantity("accuracy_forgotten", ("", "test_acc_forgotten"), scale=100, digits=2),
        Quantity("retain_accuracy", ("retain_acc", "retain_acc"), scale=100, digits=1),
        Quantity("seconds", effort="seconds", digits=1),
        Quantity("share", effort="share", scale=100, digits=1),
        Quantity("rounds", effort="rounds", digits=1),
        Quantity("forget_accuracy", ("forget_acc", "forget_acc"), scale=100, digits=1),
        Quantity("knn", ("test_acc", ""), scale=100, digits=1),
        Quantity("mia", number="accuracy", scale=100, digits=1),
        Quantity("mia_refitted", number="accuracy", way="refitted", scale=100, digits=1),
        Quantity("mia_recall", number="recall", scale=100, digits=1),
        Quantity("mia_precision", number="precision", scale=100, digits=1),
        Quantity("top1", ("forget_top1", "forget_top1"), digits=3),
        Quantity("top1_unseen", ("unseen_top1", "unseen_top1"), digits=3),
        Quantity("loss", ("forget_loss", "forget_loss"), digits=2),
        Quantity("cosine", ("forget_two_view", "forget_two_view"), digits=2),
    )
}


def value_in(result: Mapping[str, Any], quantity: Quantity, moment: str, encoder: bool) -> float | None:
    """A quantity of a result in the table's unit; None where the result does not hold it.

    Args:
        result: as in ``result.json``.
        quantity: what is asked for.
        moment: ``"before"``, ``"after"`` or ``"reference"``; effort has none.
        encoder: whether the model is an encoder.
    """
    if quantity.number:
        value = _attack(result, quantity, moment, encoder)
    elif quantity.effort:
        value = _effort(result, quantity.effort)
    else:
        metric = quantity.metric[0 if encoder else 1]
        value = ((result.get("metrics") or {}).get(moment) or {}).get(metric)
    return None if value is None else quantity.scale * float(value)


def _effort(result: Mapping[str, Any], effort: str) -> float | None:
    """What unlearning took; its share is that of a mean retraining, and unknown without one."""
    if effort == "rounds":
        return result.get("rounds")
    references = result.get("references") or []
    # Of the processor or the device where both sides tell, else what passed.
    kind = "cpu_seconds"
    told = (result.get(kind) or {}).get("unlearn") is not None
    if not told or (any(r.get("seconds") for r in references) and not any(r.get(kind) for r in references)):
        kind = "seconds"
    seconds = (result.get(kind) or {}).get("unlearn")
    if effort == "seconds" or seconds is None:
        return seconds
    retraining = [r[kind] for r in references if r.get(kind)]
    return float(seconds) * len(retraining) / sum(retraining) if retraining else None


def _attack(result: Mapping[str, Any], quantity: Quantity, moment: str, encoder: bool) -> float | None:
    attack = ENCODER_ATTACK if encoder else CLASSIFIER_ATTACK
    # Before unlearning, the attack that is transferred later is the one fitted there.
    way = "refitted" if moment == "before" else quantity.way
    ways = ((result.get("attacks") or {}).get(attack) or {}).get(moment) or {}
    numbers = (ways.get(way) or {}).get(quantity.number)
    return numbers[0] if numbers else None
