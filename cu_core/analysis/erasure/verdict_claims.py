"""The verdict of a run in the words of a record: what these tests found, and what they could not tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cu_core.analysis.erasure.measured_results import STATES
from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE, QUESTIONS

NOT_TESTED = "not-tested"
WHOLE = {
    DIFFERS: "Difference found",
    CANNOT_TELL: "Not tested or cannot tell",
    NO_DIFFERENCE: "No difference from retraining found by these tests",
    NOT_TESTED: "Not tested",
}
"""States of a whole verdict with their words."""


@dataclass(frozen=True)
class Claim:
    """The answer to one question of the verdict.

    Attributes:
        id: of the question.
        title: of the question, one or two words.
        question: as one asks it.
        state: one of `cu_core.analysis.erasure.measured_results.STATES`.
        applies: whether the question exists for this run.
        direction: of a difference, in words; empty where there is none.
        statistic: of the decisive test; None where there is none.
        null: ends of the 95 % range of one more retrained model; a limit that was set beforehand is the second alone.
        p: corrected over the questions; None where there is none.
        detectable: smallest difference that would have been called one; None where it is not known.
        unit: of statistic, range and detectable difference.
        n: samples behind it; None where it is not known.
        control: whether the same tests tell the model before unlearning; None where the question needs no control.
        sentence: the answer in words.
        tests: what was tested, each with title, unit, value, base, null, p and detectable.
        notes: more sentences.
    """

    id: str
    title: str
    question: str
    state: str
    applies: bool
    direction: str
    statistic: float | None
    null: tuple[float | None, float | None]
    p: float | None
    detectable: float | None
    unit: str
    n: int | None
    control: bool | None
    sentence: str
    tests: list[dict[str, Any]]
    notes: list[str]


@dataclass(frozen=True)
class Judgement:
    """The verdict of a run, or that there is none.

    Attributes:
        state: a key of `WHOLE`.
        headline: the state as a sentence with what stands behind it.
        sentence: for a lay person; empty without a verdict.
        statistician: for a statistician; empty without a verdict.
        references: retrained models behind it.
        level: of error for the whole verdict; None without one.
        claims: one per question.
    """

    state: str
    headline: str
    sentence: str
    statistician: str
    references: int
    level: float | None
    claims: list[Claim]


def judgement(verdict: Any, samples: int | None, references: int, read: Callable[[Any], str]) -> Judgement:
    """The verdict as a record tells it.

    Args:
        verdict: of ``result.json``, which may come from anywhere; None where the run has none.
        samples: that were to be forgotten.
        references: of the run.
        read: leaves out of a text what the record does not show.
    """
    if not isinstance(verdict, Mapping) or verdict.get("state") not in STATES:
        return Judgement(NOT_TESTED, f"{WHOLE[NOT_TESTED]}: this run has no verdict.", "", "", references, None, [])
    claims = [_claim(entry, read) for entry in verdict.get("claims") or () if isinstance(entry, Mapping)]
    behind = int(_number(verdict.get("references")) or 0)
    state = str(verdict["state"])
    of = f"n = {samples:,} samples to forget, {behind} retrained models" if samples else f"{behind} retrained models"
    power = "; the smallest difference that each test would have shown is listed with it" if claims else ""
    return Judgement(
        state=state,
        headline=f"{WHOLE[state]} ({of}{power}).",
        sentence=read(verdict.get("sentence") or ""),
        statistician=read(verdict.get("statistician") or ""),
        references=behind,
        level=_number(verdict.get("level")),
        claims=claims,
    )


def _claim(entry: Mapping[str, Any], read: Callable[[Any], str]) -> Claim:
    applies = entry.get("applies") is not False
    state = entry.get("state") if applies and entry.get("state") in STATES else CANNOT_TELL
    tests = [t for t in entry.get("tests") or () if isinstance(t, Mapping)]
    decisive = next((t for t in tests if t.get("decisive")), {})
    n, controlled = _number(entry.get("n")), entry.get("controlled")
    name = str(entry.get("id") or "")
    question = QUESTIONS.get(name)
    return Claim(
        id=read(name),
        title=question.title if question else read(name),
        question=question.question if question else "",
        state=str(state),
        applies=applies,
        direction=read(entry.get("direction") or ""),
        statistic=_number(entry.get("statistic")),
        null=_range(entry),
        p=_number(entry.get("p")),
        detectable=_number(entry.get("detectable")),
        unit=read(decisive.get("unit") or ""),
        n=None if n is None else int(n),
        control=controlled if isinstance(controlled, bool) else None,
        sentence=read(entry.get("sentence") or ""),
        tests=[_test(test, read) for test in tests],
        notes=[read(note) for note in entry.get("notes") or ()],
    )


def _test(test: Mapping[str, Any], read: Callable[[Any], str]) -> dict[str, Any]:
    texts = {name: read(test.get(name) or "") for name in ("id", "title", "unit", "sides")}
    numbers = {name: _number(test.get(name)) for name in ("value", "base", "p", "detectable", "margin")}
    references = [_number(value) for value in test.get("references") or ()]
    return texts | numbers | {"null": _range(test), "references": references, "decisive": bool(test.get("decisive"))}


def _range(entry: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return _number(entry.get("null_low")), _number(entry.get("null_high"))


def _number(value: Any) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if plain else None
