"""Reported numbers of an attack, with bootstrap intervals, from scores and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cu_core.catalogue.attack_record import NUMBERS
from cu_core.metrics.intervals import interval
from cu_core.metrics.roc import decision_numbers, ranking_numbers


def outcome(
    score: np.ndarray, member: np.ndarray, fold: np.ndarray, thresholds: Sequence[float], weights: np.ndarray
) -> dict[str, Any]:
    """The numbers of one attack on one model.

    Args:
        score: (n,) finite; larger means more member-like.
        member: (n,) bool.
        fold: (n,) integers; samples of fold f are judged by ``thresholds[f]``, fitted without them.
        thresholds: one per fold.
        weights: (1 + draws, n) from `cu_core.metrics.intervals.redraws`.

    Returns:
        Every number of `NUMBERS` as [value, lower, upper], ``thresholds``, and their mean as ``threshold``.
    """
    judged = score >= np.asarray(thresholds, np.float64)[fold]
    area, rate = ranking_numbers(score, member, weights)
    values = decision_numbers(judged, member, weights) | {"auc": area, "tpr_at_1_fpr": rate}
    numbers: dict[str, Any] = {name: interval(values[name]) for name in NUMBERS}
    levels = [float(t) for t in thresholds]
    return numbers | {"threshold": float(np.mean(levels)), "thresholds": levels}


def failed(reason: str) -> dict[str, Any]:
    """What stands in the place of the numbers where an attack could not be made, and why."""
    nothing: dict[str, Any] = {name: [None, None, None] for name in NUMBERS}
    return nothing | {"threshold": None, "thresholds": None, "reason": reason}
