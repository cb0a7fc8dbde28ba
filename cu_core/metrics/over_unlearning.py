"""Over-unlearning: rounds in which forget samples look less known than to any retrained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cu_core.metrics.band import band

SHARES = ("forget_acc",)
LOSSES = ("loss_gap", "forget_loss")


def too_much(reference: Mapping[str, float | None]) -> dict[str, str]:
    """Metrics that are judged, and the side of the band on which too much was forgotten.

    Too low an AUC gives forget samples away as well: they are told from unseen ones by being worse. It does not count
    where the loss on them is lower than retrained models': they are known better, if less so than unseen ones. The loss
    is judged minus that of unseen samples of the same classes, since retrained models have seen fewer images and are
    less sure of all; where whole classes were forgotten there is no such difference, and the loss itself is taken.

    Args:
        reference: metrics of a retrained model.
    """
    return {"forget_acc": "low", "loss_gap" if "loss_gap" in reference else "forget_loss": "high", "mia_auc": "low"}


def beyond(
    metrics: Mapping[str, float | None], references: Sequence[Mapping[str, float | None]], samples: int
) -> list[str]:
    """Metrics that are beyond the band of the references on the side of too much forgetting.

    Args:
        metrics: of a model.
        references: of retrained models, on the same samples.
        samples: forget samples behind the metrics.

    Returns:
        Ids of `too_much`; none with fewer than two references.
    """
    judged = too_much(references[0]) if references else {}
    distances = {}
    for name in judged:
        value = metrics.get(name)
        level = band([reference.get(name) for reference in references], samples if name in SHARES else None)
        if value is not None and level is not None:
            distances[name] = level.distance(value)
    if any(distances.get(name, 0.0) < -1 for name in LOSSES):
        distances.pop("mia_auc", None)
    return [name for name, distance in distances.items() if (distance < -1 if judged[name] == "low" else distance > 1)]


def over_unlearning(
    rounds: Sequence[tuple[int, Mapping[str, float | None]]],
    references: Sequence[Mapping[str, float | None]],
    samples: int,
    *,
    end_alone: bool = False,
) -> dict[str, Any] | None:
    """Where a run went beyond the band of its references.

    Args:
        rounds: round number and metrics, in order, without round 0.
        references: metrics of retrained models on the same samples.
        samples: forget samples behind them.
        end_alone: judge the last round only: a method that starts anew has learned too little in those before.

    Returns:
        ``first_round`` (None if it never did), ``final`` (whether the last round is beyond), ``metrics`` of that
        last round that are, and ``judged``, those that were looked at; None with fewer than two references or no round.
    """
    if len(references) < 2 or not rounds:
        return None
    found = [(number, beyond(metrics, references, samples)) for number, metrics in rounds[-1 if end_alone else 0 :]]
    return {
        "first_round": next((number for number, names in found if names), None),
        "final": bool(found[-1][1]),
        "metrics": found[-1][1],
        "judged": [name for name in too_much(references[0]) if references[0].get(name) is not None],
    }
