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
ROUNDING = 1e-9
"""Share of one sample by which a band is wider than one, so that the next count is inside however it was rounded."""


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

    def ends(self, least: float = -math.inf, most: float = math.inf) -> tuple[float, float]:
        """Lower and upper end, as far as there are such values.

        Args:
            least: the smallest value that there can be.
            most: the largest.
        """
        return max(self.low, least), min(self.high, most)

    def distance(self, value: float) -> float:
        """Signed distance to the mean in half widths: within -1..1 the value could be one more reference's."""
        return (value - self.mean) / self.half


def t95(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t.

    Args:
        freedom: degrees of freedom, 1 or more; more than 19 count as 19.
    """
    return T95[min(freedom, len(T95)) - 1]


def band(values: Sequence[float | None], samples: int | None = None) -> Band | None:
    """The band of some references.

    The 95 % prediction interval for one more reference, mean ± t · sd · √(1 + 1/k), Student's t with k - 1 degrees of
    freedom (normal theory). It is wide for few references, because few say little: 18 sd for two, 5 for three.

    References and model are judged on the same samples. What these samples happen to be moves all of them alike, so
    the sampling error of a number (`cu_core.metrics.own_interval`) is no part of this band: added to it, it would hide
    differences that are there.

    Args:
        values: one per reference; None where a reference has no such number.
        samples: for shares: how many samples each was counted on. A share is a whole number of samples. So the
            references' sd counts as no smaller than that of rounding to one, 1/√12 of a sample, and the half width as
            no smaller than one sample: otherwise few references that agree by chance would exclude the next count.
            Without it, a band in which all references agree has no width to measure with.

    Returns:
        None with fewer than two values or no width.
    """
    known = np.array([v for v in values if v is not None and math.isfinite(v)], dtype=np.float64)
    if len(known) < 2:
        return None
    k, mean = len(known), float(known.mean())
    # Equal numbers have a mean that may differ from them in the last bit, and then a spread.
    spread = 0.0 if np.ptp(known) == 0 else float(known.std(ddof=1))
    one = 1 / samples if samples else 0.0
    half = max(t95(k - 1) * max(spread, one / math.sqrt(12)) * math.sqrt(1 + 1 / k), one * (1 + ROUNDING))
    return Band(mean, half, k) if half > 0 else None
