"""What a score tells of members and others, no finer than their number resolves."""

from __future__ import annotations

from typing import Any

import numpy as np

from cu_core.metrics.intervals import interval, redraws
from cu_core.metrics.roc import ranking_numbers, roc_curve


def told_apart(score: np.ndarray, member: np.ndarray, draws: int, seed: int) -> dict[str, Any]:
    """Area under the ROC curve with its interval, and the true positive rate at the smallest rate of false ones.

    Of m others the smallest false positive rate above 0 that can be seen at all is 1/m: one of them is accused.

    Args:
        score: (n,) finite; larger means more member-like.
        member: (n,) bool, with both kinds.
        draws: of the bootstrap over samples.
        seed: of the draws.

    Returns:
        ``auc`` as [value, low, high] with the 95 % interval over samples, ``fpr`` = 1/m and ``tpr`` at it.
    """
    area, _ = ranking_numbers(score, member, redraws(member, draws, seed))
    smallest = 1 / int((~member).sum())
    false, true, _ = roc_curve(score, member)
    return {
        "auc": interval(area),
        "tpr": float(true[false <= smallest * (1 + 1e-9)].max()),
        "fpr": smallest,
    }
