"""Evaluation: all metrics of a model on forget, retain and unseen samples."""

from __future__ import annotations

import math

from cu_core.catalogue.metric_record import METRICS, Evidence

Metrics = dict[str, float | None]


def metrics_of(evidence: Evidence) -> Metrics:
    """Every metric of `METRICS` that exists for the task and the kind of model, and applies.

    Returns:
        Metric id to value, in the order of the list; None where there is nothing to compute it from, or where the
        value is not a finite number, which JSON could not hold.
    """
    return {
        metric.id: finite(metric.compute(evidence))
        for metric in METRICS.values()
        if metric.exists(evidence.task, evidence.kind) and metric.applies(evidence)
    }


def finite(value: float | None) -> float | None:
    """The value as a plain float, or None where JSON could not hold it."""
    return float(value) if value is not None and math.isfinite(value) else None
