"""Over-unlearning: rounds in which forget samples look less known than to any retrained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cu_core.metrics.band import auc_band, band

# Metric and the side of the band on which too much was forgotten. Too low an AUC gives forget samples away as well:
# they are told from unseen ones by being worse.
TOO_MUCH = {"forget_acc": "low", "forget_loss": "high", "mia_auc": "low"}
SHARES = ("forget_acc",)
AREAS = ("mia_auc",)


def beyond(
    metrics: Mapping[str, float | None], references: Sequence[Mapping[str, float | None]], samples: int
) -> list[str]:
    """Metrics that are beyond the band of the references on the side of too much forgetting.

    Args:
        metrics: of a model.
        references: of retrained models, on the same samples.
        samples: forget samples behind the metrics.

    Returns:
        Ids of `TOO_MUCH`; none with fewer than two references.
    """
    found = []
    for name, side in TOO_MUCH.items():
        value = metrics.get(name)
        values = [reference.get(name) for reference in references]
        if name in AREAS:
            # As many unseen samples of the same classes at the least: an AUC on few samples jumps by itself.
            level = auc_band(values, samples, samples)
        else:
            level = band(values, samples if name in SHARES else None)
        if value is None or level is None:
            continue
        distance = level.distance(value)
        if (distance < -1) if side == "low" else (distance > 1):
            found.append(name)
    return found


def over_unlearning(
    rounds: Sequence[tuple[int, Mapping[str, float | None]]],
    references: Sequence[Mapping[str, float | None]],
    samples: int,
) -> dict[str, Any] | None:
    """Where a run went beyond the band of its references.

    Args:
        rounds: round number and metrics, in order, without round 0.
        references: metrics of retrained models on the same samples.
        samples: forget samples behind them.

    Returns:
        ``first_round`` (None if it never did), ``final`` (whether the last round is beyond) and ``metrics`` of that
        last round that are; None with fewer than two references or no round.
    """
    if len(references) < 2 or not rounds:
        return None
    found = [(number, beyond(metrics, references, samples)) for number, metrics in rounds]
    return {
        "first_round": next((number for number, names in found if names), None),
        "final": bool(found[-1][1]),
        "metrics": found[-1][1],
    }
