"""Whether one number of a model could be one more retrained model's: leave-one-out null, p-value, detectable size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cu_core.base.heavy import later
from cu_core.metrics.questions.verdict_evidence import Measure, ModelSeen, Statistic

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = later("scipy.stats")

LEVEL = 0.05
ROUNDING = 1e-9
"""References that agree to this share of their size have no spread to measure with."""


@dataclass(frozen=True)
class Null:
    """What retrained models say of one statistic.

    Attributes:
        values: one per reference, each measured beside the others.
        mean: of them.
        spread: standard deviation of one more reference around `mean`, sd · √(1 + 1/K), floored; above 0.
    """

    values: tuple[float, ...]
    mean: float
    spread: float

    @property
    def freedom(self) -> int:
        """Degrees of freedom."""
        return len(self.values) - 1

    def half_width(self, p: float) -> float:
        """How far one more reference lies from `mean` with two-sided probability p."""
        return float(stats.t.isf(p / 2, self.freedom)) * self.spread


@dataclass(frozen=True)
class Tested:
    """One statistic of one model, tested against retrained ones.

    Attributes:
        statistic: which.
        value: of the model; None where it has none.
        positive: of the positive control; None where it has none.
        null: of the references; None with fewer than two.
        p: that one more reference is as far off, in a direction that counts; None where it cannot be told.
        positive_p: the same for the positive control.
    """

    statistic: Statistic
    value: float | None
    positive: float | None
    null: Null | None
    p: float | None
    positive_p: float | None

    @property
    def off(self) -> float:
        """Value minus the references' mean."""
        assert self.value is not None and self.null is not None
        return self.value - self.null.mean

    def usual(self) -> tuple[float, float] | None:
        """Where one more reference lies with 95 %, within the number's bounds; None without a null."""
        if self.null is None:
            return None
        half = self.null.half_width(LEVEL)
        return self.statistic.within(self.null.mean - half), self.statistic.within(self.null.mean + half)

    @property
    def margin(self) -> float | None:
        """The equivalence margin: half of what the positive control is off; None where that is unknown."""
        if self.positive is None or self.null is None:
            return None
        return abs(self.positive - self.null.mean) / 2

    def detectable(self, level: float) -> float | None:
        """Smallest difference to the references' mean that has a p-value of `level`."""
        if self.null is None:
            return None
        two_sided = level if self.statistic.sides == "both" else 2 * level
        return self.null.half_width(min(two_sided, 1.0)) + self.statistic.least

    def controlled(self, level: float) -> bool:
        """Whether half of the positive control's difference would be seen at `level`."""
        margin, least = self.margin, self.detectable(level)
        if margin is None or least is None or self.positive is None or self.null is None:
            return False
        counts = self.statistic.sides in ("both", "high" if self.positive > self.null.mean else "low")
        return counts and least <= margin

    def equivalent(self) -> bool:
        """Whether the difference is within the equivalence margin (two one-sided tests at 5 %, Schuirmann 1987)."""
        if self.value is None or self.null is None or self.margin is None:
            return False
        off = self.off
        if self.statistic.sides != "both":
            off = max(off, 0.0) if self.statistic.sides == "high" else max(-off, 0.0)
        return abs(off) + self.null.half_width(2 * LEVEL) <= self.margin


def weighed(
    statistic: Statistic, model: ModelSeen, positives: Sequence[ModelSeen], references: Sequence[ModelSeen]
) -> Tested:
    """Tests one statistic of a model against retrained models.

    The null is made by leaving every reference out in turn and measuring it beside the others. The model is measured
    beside the same sets of references, and its number is their mean. One more reference lies at mean ± t · sd · √(1 +
    1/K) (prediction interval of a normal sample, K - 1 degrees of freedom).

    Args:
        statistic: of what.
        model: the unlearned model.
        positives: the model before unlearning alone, or one planted model per reference, made out of it.
        references: retrained models.
    """
    value, control = (measured_beside(of, model, references) for of in (statistic.of, statistic.control))
    if len(positives) == len(references) and len(positives) > 1:
        found = [_planted(statistic.of, model, references, i) for i, model in enumerate(positives)]
        positive = _mean(found)
        positive_control = (
            None
            if statistic.control is None
            else _mean([_planted(statistic.control, model, references, i) for i, model in enumerate(positives)])
        )
    else:
        positive = measured_beside(statistic.of, positives[0], references) if positives else None
        positive_control = measured_beside(statistic.control, positives[0], references) if positives else None
    null = null_of(statistic.of, references, statistic.floor)
    second = null_of(statistic.control, references) if statistic.control else None
    return Tested(
        statistic,
        value,
        positive,
        null,
        p_value(statistic, value, null, control, second),
        p_value(statistic, positive, null, positive_control, second),
    )


def null_of(of: Measure, references: Sequence[ModelSeen], floor: float = 0.0) -> Null | None:
    """The null of a number by leaving references out.

    Args:
        of: the number.
        references: retrained models.
        floor: no smaller standard deviation is believed.

    Returns:
        None with fewer than two, where one has no number, and where they agree to rounding with no floor under that:
        nothing then says how far off one more would be.
    """
    if len(references) < 2:
        return None
    found = [of(model, _without(references, i)) for i, model in enumerate(references)]
    values = [float(v) for v in found if v is not None and math.isfinite(v)]
    if len(values) < len(references):
        return None
    spread = max(float(np.std(values, ddof=1)), floor)
    if spread <= ROUNDING * max(1.0, *map(abs, values)):
        return None
    return Null(tuple(values), float(np.mean(values)), spread * math.sqrt(1 + 1 / len(values)))


def p_value(
    statistic: Statistic,
    value: float | None,
    null: Null | None,
    control: float | None = None,
    second: Null | None = None,
) -> float | None:
    """Probability that one more reference is at least as far off in a direction that counts.

    Args:
        statistic: says which directions count, and which difference is too small to matter.
        value: of the model.
        null: of the references.
        control: the second number of the model, where the statistic has one.
        second: null of that.

    Returns:
        0..1; None without value or null. Where the second number is not off in the same direction at 5 %, the larger
        of both p-values (intersection-union test, Berger 1982), and 1 where its direction is another.
    """
    if value is None or null is None:
        return None
    p = _tail(value, null, statistic.sides, statistic.least)
    if statistic.control is None:
        return p
    if control is None or second is None:
        return None
    same = (value - null.mean) * (control - second.mean) > 0
    if not same:
        return 1.0
    other = _tail(control, second, statistic.sides, 0.0)
    return p if other <= LEVEL else max(p, other)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for being several (Holm 1979).

    Args:
        ps: (m,) raw ones.

    Returns:
        (m,) corrected ones, in the same order: each at most the level where Holm's procedure rejects at that level.
    """
    corrected = [1.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(np.argsort(ps, kind="stable")):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = highest
    return corrected


def _tail(value: float, null: Null, sides: str, least: float) -> float:
    off = value - null.mean
    if sides == "both":
        return float(min(1.0, 2 * stats.t.sf(max(abs(off) - least, 0.0) / null.spread, null.freedom)))
    off = off if sides == "high" else -off
    return float(stats.t.sf((off - least) / null.spread, null.freedom))


def measured_beside(of: Measure | None, model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
    """A model's number: the mean beside all sets of references with one left out, as those have it themselves."""
    if of is None or not references:
        return None
    if len(references) == 1:
        return _finite(of(model, references))
    return _mean([of(model, _without(references, i)) for i in range(len(references))])


def _planted(of: Measure, model: ModelSeen, references: Sequence[ModelSeen], place: int) -> float | None:
    return of(model, _without(references, place))


def _without(references: Sequence[ModelSeen], place: int) -> Sequence[ModelSeen]:
    return [*references[:place], *references[place + 1 :]]


def _mean(found: Sequence[float | None]) -> float | None:
    known = [v for v in map(_finite, found) if v is not None]
    return float(np.mean(known)) if known and len(known) == len(found) else None


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
