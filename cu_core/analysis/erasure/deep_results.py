"""The numbers of a deep audit as rows of a record: shadow models, trained and unlearned as the run was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from cu_core.analysis.erasure.measured_results import RecordedNumber
from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE

LEVEL = 0.05
ONE_MODEL = "it is that of one model; the row over shadow models says what chance gives"
BLIND = "the attack does not work before unlearning either, so it says nothing of what is left"
FEW = "there are too few shadow models"
_GAMES = {
    "privacy": "RULI, privacy leakage: unlearned or never seen, AUC",
    "efficacy": "RULI, efficacy: unlearned, or never seen by a model that unlearned nothing, AUC",
}


def deep_results(deep: Any) -> list[RecordedNumber]:
    """The rows of ``deep_audit`` of a result, which may come from anywhere; none where there is none."""
    if not isinstance(deep, Mapping):
        return []
    return [*_over_shadows(deep), *_of_this_run(deep), *_klom(deep)]


def _over_shadows(deep: Mapping[str, Any]) -> Iterator[RecordedNumber]:
    over = _object(deep, "over_shadows")
    after, before = _object(over, "ulira"), _object(over, "before")
    area, p, p_before = _number(after.get("area")), _number(after.get("p")), _number(before.get("p"))
    low, high = _number(after.get("low")), _number(after.get("high"))
    state, why = CANNOT_TELL, FEW
    if area is not None and p is not None and p_before is not None:
        state = DIFFERS if p <= LEVEL else NO_DIFFERENCE if p_before <= LEVEL else CANNOT_TELL
        why = BLIND if state == CANNOT_TELL else ""
    yield RecordedNumber(
        id="deep.over_shadows",
        title="U-LiRA, mean AUC over shadow models that were unlearned by the same method",
        unit="",
        before=_number(before.get("area")),
        value=area,
        interval=None,
        reference=0.5,
        band=None if low is None or high is None else (low, high),
        references=_count(over.get("models")) or 0,
        n=_count(deep.get("forget")),
        state=state,
        why=why,
    )


def _of_this_run(deep: Mapping[str, Any]) -> Iterator[RecordedNumber]:
    ulira, before = _object(deep, "ulira"), _object(_object(deep, "controls"), "before")
    yield from _area("deep.ulira", "U-LiRA, AUC", ulira, deep, _first(before.get("auc")))
    rate, false = _number(ulira.get("tpr")), _number(ulira.get("fpr"))
    if rate is not None and false is not None:
        title = f"U-LiRA, forgotten samples found at {100 * false:.2f} % false accusations"
        yield _row("deep.ulira.tpr", title, "%", rate, None, _count(deep.get("unseen")), ONE_MODEL)
    for name, title in _GAMES.items():
        yield from _area(f"deep.ruli.{name}", title, _object(_object(deep, "ruli"), name), deep)


def _area(
    name: str, title: str, told: Mapping[str, Any], deep: Mapping[str, Any], before: float | None = None
) -> Iterator[RecordedNumber]:
    found = told.get("auc")
    numbers = [_number(value) for value in found] if isinstance(found, list) and len(found) == 3 else [None] * 3
    value, low, high = numbers
    if value is None:
        return
    ends = None if low is None or high is None else (low, high)
    yield _row(name, title, "", value, ends, _count(deep.get("forget")), ONE_MODEL, before)


def _klom(deep: Mapping[str, Any]) -> Iterator[RecordedNumber]:
    klom = _object(deep, "klom")
    value, floor = _number(klom.get("half_p95")), _number(klom.get("floor_p95"))
    if value is None or floor is None:
        return
    title = f"KLoM, 95th percentile over samples (retrained against retrained: {floor:.2f})"
    why = "the spread of its floor was not measured"
    yield _row("deep.klom", title, "nats", value, None, _count(deep.get("forget")), why)


def _row(
    name: str,
    title: str,
    unit: str,
    value: float,
    interval: tuple[float, float] | None,
    n: int | None,
    why: str,
    before: float | None = None,
) -> RecordedNumber:
    return RecordedNumber(name, title, unit, before, value, interval, None, None, 0, n, CANNOT_TELL, why)


def _object(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}


def _first(values: Any) -> float | None:
    return _number(values[0]) if isinstance(values, list) and values else None


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def _count(value: Any) -> int | None:
    found = _number(value)
    return None if found is None else int(found)
