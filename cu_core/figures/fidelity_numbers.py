"""The fidelity strip: measures of a projection with their thresholds, and a one-sentence summary.

Thresholds are conventions of this app, not significance levels; docs/drift-methods.md says where they come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GOOD = 0.95
FAIR = 0.85
"""Thresholds of shares of neighbours: below `GOOD` single neighbours need care, below `FAIR` neighbourhoods cannot be
read."""

NO_MOTION = 0.3
"""Rank correlation of true and plotted movement below which the picture shows another movement."""

EXACT = "exact: no projection"
"""What views say whose axes are numbers of the full space."""


@dataclass(frozen=True)
class Level:
    """How far one number lets a reader go.

    Attributes:
        word: said beside the number.
        mark: a shape of its own, so that colour never says it alone.
        colour: readable on light and on dark ground.
    """

    word: str
    mark: str
    colour: str


LEVELS: dict[str, Level] = {
    "good": Level("good", "●", "#23915A"),
    "fair": Level("fair", "▲", "#B97A00"),
    "poor": Level("poor", "■", "#D64545"),
}


@dataclass(frozen=True)
class FidelityNumber:
    """One number of a fidelity record.

    Attributes:
        name: its key in the record of `cu_core.projections.fidelity.measure`.
        title: above the number.
        meaning: the question that it answers, in one line.
        good: from here on (or up to here, where less is better) it is good.
        fair: the same for fair; beyond it is poor.
        less_is_better: shares of motion that is not there, rather than agreement.
        form: how it is written.
    """

    name: str
    title: str
    meaning: str
    good: float
    fair: float
    less_is_better: bool = False
    form: str = ".2f"

    def level(self, value: float) -> str:
        """``"good"``, ``"fair"`` or ``"poor"``."""
        if self.less_is_better:
            return "good" if value < self.good else "fair" if value <= self.fair else "poor"
        return "good" if value >= self.good else "fair" if value >= self.fair else "poor"

    def text(self, value: float) -> str:
        """The value as it is shown; large shares without a decimal."""
        return format(value, ".0%" if self.form == ".1%" and abs(value) >= 0.1 else self.form)


NUMBERS: tuple[FidelityNumber, ...] = (
    FidelityNumber(
        "displacement_rank_correlation",
        "Motion",
        "Are samples that moved farther drawn farther from their place of round 0? Rank correlation, 1 is best.",
        0.9,
        0.7,
    ),
    FidelityNumber(
        "unmoved_motion",
        "Unmoved",
        "How far samples whose embedding did not change are drawn moving per round, in radii of the picture.",
        0.01,
        0.05,
        True,
        ".1%",
    ),
    FidelityNumber(
        "still_jitter",
        "Least moved",
        "How far the quarter of the samples that moved least is drawn moving per round, in radii of the picture.",
        0.01,
        0.05,
        True,
        ".1%",
    ),
    FidelityNumber(
        "snap_excess",
        "False jumps",
        "How much more of its path a sample is drawn making in one single step than it did; 0 is best.",
        0.1,
        0.3,
        True,
    ),
    FidelityNumber(
        "trustworthiness",
        "Trustworthiness",
        "Are samples that are drawn as neighbours true neighbours? 1 is best.",
        GOOD,
        FAIR,
    ),
    FidelityNumber("continuity", "Continuity", "Are true neighbours drawn near each other? 1 is best.", GOOD, FAIR),
    FidelityNumber(
        "pooled_trustworthiness",
        "Across rounds",
        "Trustworthiness between samples of different rounds: may positions be compared between rounds? 1 is best.",
        GOOD,
        FAIR,
    ),
    FidelityNumber(
        "distance_rank_correlation",
        "Distances",
        "Do distances in the picture rank as in the full space? Rank correlation, 1 is best.",
        0.8,
        0.5,
    ),
    FidelityNumber(
        "boundary_agreement",
        "Boundary",
        "Share of samples whose drawn neighbours mostly have the prediction that the sample itself has.",
        GOOD,
        FAIR,
        False,
        ".0%",
    ),
    FidelityNumber(
        "self_neighbours",
        "Own other rounds",
        "Share of the neighbours in the fitted graph that are the same sample at another round; 0 is best.",
        0.25,
        0.5,
        True,
        ".0%",
    ),
)
BY_NAME = {number.name: number for number in NUMBERS}


@dataclass(frozen=True)
class Reading:
    """A number in the round shown and where it is worst.

    Attributes:
        number: what is read.
        value: in the round shown; over all rounds where it has no value per round.
        over_all: whether `value` is over all rounds.
        worst: lowest value of any round; None where there are no rounds to compare.
        worst_round: in which round that is.
    """

    number: FidelityNumber
    value: float
    over_all: bool
    worst: float | None = None
    worst_round: int | None = None

    @property
    def level(self) -> str:
        """Of the value shown."""
        return self.number.level(self.value)

    @property
    def worst_level(self) -> str:
        """Of the value in the worst round; of the value shown where there are no rounds to compare."""
        return self.level if self.worst is None else self.number.level(self.worst)


def readings(record: Mapping[str, Any], shown: int, rounds: Sequence[int]) -> list[Reading]:
    """What the strip shows, in order; numbers that the record does not hold are left out.

    The samples that moved least stand in for those that did not move where there is none.

    Args:
        record: of `cu_core.projections.fidelity.measure`.
        shown: number of the round that is shown.
        rounds: numbers of the recorded rounds, in the order of ``record["rounds"]``.
    """
    each = dict(zip(rounds, record.get("rounds", ()), strict=False))
    found = []
    for number in NUMBERS:
        if number.name == "still_jitter" and record.get("unmoved_motion") is not None:
            continue  # samples that did not move at all answer the question better
        whole = record.get(number.name)
        known = {k: numbers[number.name] for k, numbers in each.items() if numbers.get(number.name) is not None}
        value = known.get(shown, whole)
        if value is None:
            continue
        if not known:
            found.append(Reading(number, float(value), True))
            continue
        worst = min(known, key=known.__getitem__)
        found.append(Reading(number, float(value), shown not in known, float(known[worst]), worst))
    return found


def sentence(record: Mapping[str, Any]) -> str:
    """What a reader may conclude from the picture over all rounds, in one sentence."""
    parts = [part for part in (_motion(record), _stillness(record), _jumps(record), _neighbours(record)) if part]
    if not parts:
        if _level(record, "trustworthiness") is None:
            return "There are too few samples to tell how faithful this picture is."
        return "Too few samples moved to tell whether plotted movement is true; neighbours are drawn as they are."
    if _level(record, "distance_rank_correlation") in ("fair", "poor"):
        parts.append("do not read distances")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _level(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    return None if value is None else BY_NAME[name].level(value)


def _motion(record: Mapping[str, Any]) -> str:
    level = _level(record, "displacement_rank_correlation")
    if level is None:
        return ""
    value = record["displacement_rank_correlation"]
    words = {
        "good": "plotted movement follows true movement",
        "fair": "plotted movement roughly follows true movement",
        "poor": "plotted movement follows true movement only weakly",
    }
    said = words[level] if value >= NO_MOTION else "plotted movement does not follow true movement"
    return f"{said}: {value:.2f} over all rounds"


def _stillness(record: Mapping[str, Any]) -> str:
    if _level(record, "unmoved_motion") in ("fair", "poor"):
        return f"samples that did not move are drawn {record['unmoved_motion']:.0%} of the radius further every round"
    # Where all moved, those that moved least stand in for them.
    if record.get("unmoved_motion") is None and _level(record, "still_jitter") in ("fair", "poor"):
        return f"samples that moved least are drawn {record['still_jitter']:.0%} of the radius further every round"
    return ""


def _jumps(record: Mapping[str, Any]) -> str:
    return "sudden jumps may be the picture's own" if _level(record, "snap_excess") in ("fair", "poor") else ""


def _neighbours(record: Mapping[str, Any]) -> str:
    names = ("trustworthiness", "continuity", "pooled_trustworthiness")
    levels = {_level(record, name) for name in names}
    if "poor" in levels:
        return "samples drawn side by side may be far apart"
    return "conclude nothing from single neighbours" if "fair" in levels else ""
