"""The numbers of a run as a record prints them: value, band, interval, samples, and one of three states."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.compare.measures import attack_measure, metric_measure, own_interval, tow_measure
from cu_core.catalogue.attack_record import ATTACKS, WAYS
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE

STATES = {
    DIFFERS: "difference found",
    CANNOT_TELL: "not tested or cannot tell",
    NO_DIFFERENCE: "no difference found",
}
"""Of a number and of a question, with the words of a record; each is printed like the others."""


@dataclass(frozen=True)
class RecordedNumber:
    """One number after unlearning, beside what retrained models say of it.

    Attributes:
        id: of the metric or the attack.
        title: name shown to people.
        unit: ``%`` of a share, which is stored as 0..1; empty where it has none.
        before: of the model before unlearning; None where it was not measured.
        value: after unlearning; None where there is none.
        interval: ends of its 95 % interval from its own samples; None where it is not known.
        reference: mean over the retrained models; None without any.
        band: ends of the 95 % band for one more retrained model; None where there is none.
        references: models behind the band; 0 where there is none.
        n: samples behind the value; None where it is not known.
        state: one of `STATES`.
        why: why it cannot be told; empty where it can.
    """

    id: str
    title: str
    unit: str
    before: float | None
    value: float | None
    interval: tuple[float, float] | None
    reference: float | None
    band: tuple[float, float] | None
    references: int
    n: int | None
    state: str
    why: str


def measured(run: Compared, members: int | None) -> list[RecordedNumber]:
    """All numbers of a run that has ended: metrics, tug of war, membership attacks.

    Args:
        run: that has ended.
        members: forget samples that were attacked; None where it is not known.
    """
    return [*_metrics(run), *_tug_of_war(run), *_attacks(run, members)]


def _metrics(run: Compared) -> Iterator[RecordedNumber]:
    for name, metric in METRICS.items():
        found = metric_measure(run, name)
        if (interval := own_interval(run, name)) is not None:
            found = dataclasses.replace(found, low=interval[0], high=interval[1])
        before = run.before.get(name)
        if run.task not in metric.tasks or (before is None and found.value is None):
            continue
        unit = "%" if metric.percent else metric.unit
        yield _one(
            name, metric.title_for(run.kind), unit, before, found, _samples(run, metric.counted_on), ends=metric.ends
        )


def _tug_of_war(run: Compared) -> Iterator[RecordedNumber]:
    found = tow_measure(run)
    if found.value is not None:
        why = "it is a distance to retraining, and retrained models were not measured against each other"
        yield _one("tow", "Tug of war (1 is like retraining)", "", None, found, _samples(run, "forget"), why)


def _attacks(run: Compared, members: int | None) -> Iterator[RecordedNumber]:
    for attack, made in (run.result.get("attacks") or {}).items():
        for way in made.get("after") or {}:
            found = attack_measure(run, attack, way)
            title = ATTACKS[attack].title if attack in ATTACKS else attack
            how = WAYS[way].title if way in WAYS else way
            before = (((made.get("before") or {}).get(way) or {}).get("auc") or [None])[0]
            why = "retrained models were not attacked in this way" if found.reference is None and run.references else ""
            yield _one(f"attack.{attack}.{way}", f"Membership AUC, {title}, {how}", "", before, found, members, why)


def _one(
    name: str,
    title: str,
    unit: str,
    before: float | None,
    found: ComparedMetric,
    n: int | None,
    why: str = "",
    *,
    ends: tuple[float, float] = (0.0, 1.0),
) -> RecordedNumber:
    low, high, band, distance = found.low, found.high, found.band, found.distance
    reason = why or found.why or found.why_no_band or "there is no band of retrained models"
    state = CANNOT_TELL if distance is None else DIFFERS if abs(distance) > 1 else NO_DIFFERENCE
    return RecordedNumber(
        id=name,
        title=title,
        unit=unit,
        before=before,
        value=found.value,
        interval=None if low is None or high is None else (low, high),
        reference=found.reference,
        band=None if band is None else band.ends(*ends),
        references=0 if band is None else band.count,
        n=n,
        state=state,
        why=reason if state == CANNOT_TELL else "",
    )


def _samples(run: Compared, counted_on: str) -> int | None:
    counts = dict(run.result.get("counts") or {})
    if "unseen" in counts and "unseen_forgotten" in counts:
        counts["unseen_retained"] = counts["unseen"] - counts["unseen_forgotten"]
    return counts.get(counted_on)
