"""The band of retrained models over seeds, and the distance of a metric in its half widths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom (scipy.stats.t.ppf(0.975, df)); a page
# must not load scipy for twenty numbers.
T95 = (
    12.706204736174698,
    4.302652729749462,
    3.1824463052837078,
    2.7764451051977934,
    2.5705818356363146,
    2.446911851144979,
    2.3646242515927844,
    2.306004135204166,
    2.262157162798205,
    2.2281388519862735,
    2.200985160091639,
    2.1788128296672284,
    2.160368656462792,
    2.1447866879178035,
    2.131449545559776,
    2.119905299221255,
    2.1098155778333156,
    2.10092204024104,
    2.093024054408309,
)


@dataclass(frozen=True)
class Band:
    """What retrained models say of one number.

    Attributes:
        mean: over the references.
        half: half width of the 95 % prediction interval for one more reference.
        count: references behind it, 2 or more.
    """

    mean: float
    half: float
    count: int

    @property
    def low(self) -> float:
        """Lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """Upper end."""
        return self.mean + self.half

    def distance(self, value: float) -> float:
        """Signed distance to the mean in half widths: within -1..1 the value could be one more reference's."""
        return (value - self.mean) / self.half


def t95(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t.

    Args:
        freedom: degrees of freedom, 1 or more; more than 19 count as 19.
    """
    return T95[min(freedom, len(T95)) - 1]


def auc_half(auc: float, members: int, others: int) -> float:
    """Half width of an AUC's 95 % interval from its samples alone (Hanley & McNeil 1982, Radiology 143(1), Eq. 1).

    Args:
        auc: 0..1.
        members: number of positive samples, 1 or more.
        others: number of negative samples, 1 or more.
    """
    both_above, one_above = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (members - 1) * (both_above - auc**2) + (others - 1) * (one_above - auc**2)
    return 1.96 * math.sqrt(max(spread, 0.0) / (members * others))


def band(values: Sequence[float | None], samples: int | None = None, *, least: float = 0.0) -> Band | None:
    """The band of some references.

    The 95 % prediction interval for one more reference, mean ± t · sd · √(1 + 1/k), Student's t with k - 1 degrees of
    freedom (normal theory). It is wide for few references, because few say little: 18 sd for two, 5 for three.

    Args:
        values: one per reference; None where a reference has no such number.
        samples: for shares: how many samples each was counted on. No band is then narrower than what counting
            allows, 1.96 · √(p(1-p)/n) with p pulled towards a half by two more successes and failures (Agresti &
            Coull 1998). Without it, a band in which all references agree has no width to measure with.
        least: no band has a smaller half width than this.

    Returns:
        None with fewer than two values or no width.
    """
    known = np.array([v for v in values if v is not None and math.isfinite(v)], dtype=np.float64)
    if len(known) < 2:
        return None
    k, mean = len(known), float(known.mean())
    half = max(least, t95(k - 1) * float(known.std(ddof=1)) * math.sqrt(1 + 1 / k))
    if samples:
        share = (mean * samples + 2) / (samples + 4)
        half = max(half, 1.96 * math.sqrt(share * (1 - share) / samples))
    return Band(mean, half, k) if half > 0 else None


def auc_band(values: Sequence[float | None], members: int, others: int) -> Band | None:
    """The band of some references' AUCs, no narrower than the samples alone make an AUC jump (`auc_half`).

    Args:
        values: one per reference; None where a reference has no such number.
        members: number of positive samples behind each; 0 where it is not known, and then nothing is held against it.
        others: number of negative samples; the same.
    """
    known = [v for v in values if v is not None]
    counted = bool(known and members and others)
    return band(values, least=auc_half(sum(known) / len(known), members, others) if counted else 0.0)
