"""U-LiRA: the likelihood ratio of a sample that was unlearned to one that was never seen."""

from __future__ import annotations

import numpy as np

OWN_SPREAD_FROM = 16
"""Models on a side from which each sample has a deviation of its own; with fewer all samples share one."""
LEAST_SHARE = 0.1
"""Least deviation of a sample as a share of the one that all share: margins of a few models may lie together by chance,
and a ratio of two tiny deviations would then decide everything."""
_TINY = 1e-6


def normals(margins: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each sample's margin over some models.

    Args:
        margins: (N, n) of N models; what is not finite is left out.
        chosen: (N, n) bool, which models count for which sample; two at least for each.

    Returns:
        (n,) means and (n,) deviations. With fewer than `OWN_SPREAD_FROM` models for any sample one deviation, pooled
        over all samples, stands for each.
    """
    counted = chosen & np.isfinite(margins)
    values = np.where(counted, margins, 0.0)
    counts = counted.sum(axis=0)
    means = values.sum(axis=0) / counts
    squares = np.where(counted, (values - means) ** 2, 0.0).sum(axis=0)
    pooled = np.sqrt(squares.sum() / (counts - 1).sum())
    own = np.sqrt(squares / (counts - 1)) if counts.min() >= OWN_SPREAD_FROM else np.full(len(means), pooled)
    return means, np.maximum(own, max(LEAST_SHARE * float(pooled), _TINY))


def ulira_scores(phi: np.ndarray, margins: np.ndarray, unlearned: np.ndarray, never: np.ndarray) -> np.ndarray:
    """Log N(φ; IN-worlds) - log N(φ; OUT-worlds) of each sample.

    Hayes et al., Inexact Unlearning Needs More Careful Evaluations, SaTML 2025 (arXiv 2403.01218). IN-worlds
    were trained with the sample and then unlearned it by the method that is audited; OUT-worlds never saw it.

    Args:
        phi: (n,) margins under the model that is attacked.
        margins: (N, n) margins under N unlearned shadow models.
        unlearned: (N, n) bool, IN-worlds of each sample.
        never: (N, n) bool, OUT-worlds of each sample.

    Returns:
        (n,) nats; above 0 where the sample looks rather unlearned than never seen.
    """
    inside, outside = normals(margins, unlearned), normals(margins, never)
    return _log_normal(phi, *inside) - _log_normal(phi, *outside)


def _log_normal(values: np.ndarray, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Log density but for a constant, which cancels in a ratio."""
    found: np.ndarray = -(((values - means) / deviations) ** 2) / 2 - np.log(deviations)
    return found
