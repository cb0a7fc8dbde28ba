"""The verdict of a run in the words of a record: what these tests found, and what they could not tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cu_core.analysis.verdict_reading import decisive_test, question_title, verdict_of
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


def judgement(result: Mapping[str, Any], samples: int | None, references: int, read: Callable[[Any], str]) -> Judgement:
    """The verdict as a record tells it.

    Args:
        result: content of ``result.json``.
        samples: that were to be forgotten.
        references: of the run.
        read: leaves out of a text what the record does not show.
    """
    verdict = verdict_of(result)
    if verdict is None:
        return Judgement(NOT_TESTED, f"{WHOLE[NOT_TESTED]}: this run has no verdict.", "", "", references, None, [])
    claims = [_claim(claim, read) for claim in verdict["claims"]]
    many = verdict["references"]
    behind = f"{many or 'no'} retrained model{'' if many == 1 else 's'}"
    of = f"n = {samples:,} samples to forget, {behind}" if samples else behind
    shown = any(claim.detectable is not None for claim in claims)
    power = "; the smallest difference that each test would have shown is listed with it" if shown else ""
    return Judgement(
        state=verdict["state"],
        headline=f"{WHOLE[verdict['state']]} ({of}{power}).",
        sentence=read(verdict["sentence"]),
        statistician=read(verdict["statistician"]),
        references=verdict["references"],
        level=verdict["level"],
        claims=claims,
    )


def _claim(claim: Mapping[str, Any], read: Callable[[Any], str]) -> Claim:
    question = QUESTIONS.get(claim["id"])
    return Claim(
        id=read(claim["id"]),
        title=read(question_title(claim)),
        question=question.question if question else "",
        state=claim["state"] if claim["applies"] else CANNOT_TELL,
        applies=claim["applies"],
        direction=read(claim["direction"]),
        statistic=claim["statistic"],
        null=(claim["null_low"], claim["null_high"]),
        p=claim["p"],
        detectable=claim["detectable"],
        unit=read((decisive_test(claim) or {}).get("unit", "")),
        n=claim["n"] or None,
        control=claim["controlled"],
        sentence=read(claim["sentence"]),
        tests=[_test(test, read) for test in claim["tests"]],
        notes=[read(note) for note in claim["notes"]],
    )


def _test(test: Mapping[str, Any], read: Callable[[Any], str]) -> dict[str, Any]:
    numbers = ("value", "base", "references", "p", "detectable", "margin", "decisive", "n")
    return (
        {name: read(test[name]) for name in ("id", "title", "unit", "sides")}
        | {name: test[name] for name in numbers}
        | {"null": (test["null_low"], test["null_high"])}
    )
