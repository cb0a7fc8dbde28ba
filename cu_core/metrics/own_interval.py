"""How exactly a number is known from its own samples: 95 % intervals of shares and of areas under a ROC curve.

They say how far the number would jump on other samples of the same kind. They say nothing of how far it is from that of
a retrained model on these very samples: that is what the band is for (`cu_core.metrics.band`).
"""

from __future__ import annotations

import math

Z = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def share_interval(share: float, n: int) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

    Args:
        share: 0..1.
        n: samples that it was counted on, at least one.

    Returns:
        Lower and upper end, both in 0..1.
    """
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def auc_interval(auc: float, members: int, others: int) -> tuple[float, float]:
    """The interval of an area under a ROC curve (Hanley & McNeil 1982, Radiology 143(1), Eq. 1).

    Args:
        auc: 0..1.
        members: number of positive samples, 1 or more.
        others: number of negative samples, 1 or more.

    Returns:
        Lower and upper end, both in 0..1.
    """
    both_above, one_above = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (members - 1) * (both_above - auc**2) + (others - 1) * (one_above - auc**2)
    half = Z * math.sqrt(max(spread, 0.0) / (members * others))
    return max(auc - half, 0.0), min(auc + half, 1.0)
