"""The verdict: every question asked, its tests corrected for being several, its state, and the worst of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cu_core.base.registry import imported
from cu_core.catalogue.question_record import (
    CANNOT_TELL,
    DIFFERS,
    LEAST_REFERENCES,
    NO_DIFFERENCE,
    QUESTIONS,
    STATES,
    Question,
)
from cu_core.metrics.questions.null_test import LEVEL, Tested, holm, weighed
from cu_core.metrics.questions.verdict_evidence import Inquiry, ModelSeen, VerdictEvidence
from cu_core.metrics.questions.verdict_words import claim_sentence, statistician_sentence, whole_sentence


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question with everything that was found.

    Attributes:
        question: which.
        inquiry: what it asks of the evidence.
        tests: of its statistics.
        level: of a single test, so that all questions together stay at `LEVEL`; for what is detectable.
        p: over the question's tests, corrected for these and for the other questions; None where there is no test.
        positive_p: the same of the positive control.
    """

    question: Question
    inquiry: Inquiry
    tests: tuple[Tested, ...]
    level: float = LEVEL
    p: float | None = None
    positive_p: float | None = None

    @property
    def exists(self) -> bool:
        """Whether the question exists for this run."""
        return not self.inquiry.why_not

    @property
    def told(self) -> list[Tested]:
        """Tests that have a p-value."""
        return [t for t in self.tests if t.p is not None]

    @property
    def controlled(self) -> list[Tested]:
        """Tests that would see half of what the positive control differs by."""
        return [t for t in self.told if t.controlled(self.level)]

    @property
    def decisive(self) -> Tested | None:
        """The test that the answer rests on.

        The one that differs most; else the worst of those with a positive control, and without any the one that comes
        nearest to having one.
        """
        if not self.told:
            return None
        if self.state == DIFFERS:
            return min(self.told, key=lambda t: t.p if t.p is not None else 1.0)
        if self.controlled:
            return max(self.controlled, key=lambda t: abs(t.off) / (t.margin or math.inf))
        return max(self.told, key=lambda t: (t.margin or 0.0) / (t.detectable(self.level) or math.inf))

    @property
    def state(self) -> str:
        """One of `STATES`."""
        settled = self.inquiry.settled
        if settled is not None:
            return DIFFERS if settled.differs else NO_DIFFERENCE
        if self.p is None:
            return CANNOT_TELL
        if self.p <= LEVEL:
            return DIFFERS
        return NO_DIFFERENCE if self.controlled and all(t.equivalent() for t in self.controlled) else CANNOT_TELL


def judge_evidence(evidence: VerdictEvidence) -> dict[str, Any]:
    """The verdict on a model, as ``result.json`` holds it under ``verdict``, but for the seconds it took.

    p-values are those of each question's smallest, times its number of tests (Bonferroni), then Holm's correction over
    the questions that are answered by tests.

    Args:
        evidence: answers of all models; of references that answer exactly alike one counts.
    """
    given = len(evidence.references)
    evidence = replace(evidence, references=distinct(evidence.references, evidence.base))
    count = len(evidence.references)
    asked = ask_all(evidence)
    claims = [claim(a, count) for a in asked]
    state = whole_state(claims)
    return {
        "state": state,
        "sentence": whole_sentence(state, claims, count),
        "statistician": statistician_sentence(asked_tests(asked), count, given - count),
        "references": count,
        "level": LEVEL,
        "claims": claims,
    }


def ask_all(evidence: VerdictEvidence, questions: Mapping[str, Question] = QUESTIONS) -> list[AnsweredQuestion]:
    """Asks every question, and corrects their p-values for each other.

    Args:
        evidence: answers of all models.
        questions: by id.
    """
    enough = len(evidence.references) >= LEAST_REFERENCES
    found = []
    for question in questions.values():
        inquiry: Inquiry = imported(question.ask)(evidence)
        asks = evidence.references and not (inquiry.why_not or inquiry.missing or inquiry.settled)
        found.append(AnsweredQuestion(question, inquiry, _tests(inquiry, evidence) if asks else ()))
    places = [i for i, asked in enumerate(found) if asked.told] if enough else []
    if not places:
        return found
    raw = [_smallest([t.p for t in found[i].told], len(found[i].told)) for i in places]
    positive = [_smallest([t.positive_p for t in found[i].told], len(found[i].told)) for i in places]
    for i, p, positive_p in zip(places, holm(raw), holm(positive), strict=True):
        asked = found[i]
        level = LEVEL / len(places) / len(asked.told)
        found[i] = AnsweredQuestion(asked.question, asked.inquiry, asked.tests, level, p, positive_p)
    return found


def distinct(references: Sequence[ModelSeen], base: ModelSeen) -> tuple[ModelSeen, ...]:
    """References without copies of each other and of the model before unlearning.

    One that answers exactly as an earlier one tells nothing of how retrained models vary, and one that answers as the
    model before unlearning was not retrained.

    Args:
        references: on the same samples.
        base: the model before unlearning.
    """
    found: list[ModelSeen] = []
    for one in references:
        if not any(_same_answers(one, other) for other in (base, *found)):
            found.append(one)
    return tuple(found)


def whole_state(claims: Sequence[Mapping[str, Any]]) -> str:
    """The worst state of the questions that exist for the run."""
    states = [c["state"] for c in claims if c["applies"]]
    return next((state for state in STATES if state in states), CANNOT_TELL)


def asked_tests(asked: Sequence[AnsweredQuestion]) -> tuple[int, int]:
    """Number of questions that were answered by tests, and of tests."""
    by_tests = [a for a in asked if a.p is not None]
    return len(by_tests), sum(len(a.told) for a in by_tests)


def claim(asked: AnsweredQuestion, references: int) -> dict[str, Any]:
    """What the verdict says of one question, as ``result.json`` holds it."""
    decisive, settled = asked.decisive, asked.inquiry.settled
    enough = references >= LEAST_REFERENCES
    told: dict[str, Any] = {
        "id": asked.question.id,
        "state": asked.state,
        "direction": direction_of(asked),
        "statistic": decisive.value if decisive else settled.value if settled else None,
        "null_low": None,
        "null_high": settled.limit if settled else None,
        "p": asked.p,
        "detectable": None,
        "n": decisive.statistic.n if decisive else settled.n if settled else 0,
        "applies": asked.exists,
        "controlled": bool(asked.controlled) if asked.told and enough else None,
        "notes": [*asked.inquiry.notes, *(settled.notes if settled else ())],
        "tests": [_told(t, asked, t is decisive) for t in asked.tests],
    }
    if decisive is not None and (usual := decisive.usual()):
        told |= {
            "null_low": usual[0],
            "null_high": usual[1],
            "detectable": decisive.detectable(asked.level) if enough else None,
        }
    return told | {"sentence": claim_sentence(asked, told, references)}


def direction_of(asked: AnsweredQuestion) -> str:
    """What the difference is, in a few words; empty where none was found."""
    if asked.state != DIFFERS:
        return ""
    if asked.inquiry.settled is not None:
        return asked.inquiry.settled.direction
    decisive = asked.decisive
    assert decisive is not None
    return decisive.statistic.high if decisive.off > 0 else decisive.statistic.low


def _tests(inquiry: Inquiry, evidence: VerdictEvidence) -> tuple[Tested, ...]:
    positives = [evidence.base]
    if inquiry.planted is not None:
        positives = [inquiry.planted(reference) for reference in evidence.references]
    return tuple(weighed(s, evidence.after, positives, evidence.references) for s in inquiry.statistics)


def _same_answers(one: ModelSeen, other: ModelSeen) -> bool:
    return all(
        np.array_equal(getattr(getattr(one, group), what), getattr(getattr(other, group), what), equal_nan=True)
        for group in ("forget", "retain", "unseen")
        for what in ("score", "outputs")
    )


def _smallest(ps: Sequence[float | None], tests: int) -> float:
    return min(1.0, tests * min((p for p in ps if p is not None), default=1.0))


def _told(test: Tested, asked: AnsweredQuestion, decisive: bool) -> dict[str, Any]:
    low, high = test.usual() or (None, None)
    return {
        "id": test.statistic.id,
        "title": test.statistic.title,
        "unit": test.statistic.unit,
        "sides": test.statistic.sides,
        "value": test.value,
        "base": test.positive,
        "planted": asked.inquiry.planted is not None,
        "references": list(test.null.values) if test.null else [],
        "null_low": low,
        "null_high": high,
        "p": test.p,
        "detectable": test.detectable(asked.level) if asked.p is not None else None,
        "margin": test.margin,
        "controlled": test.controlled(asked.level) if asked.p is not None else None,
        "decisive": decisive,
        "n": test.statistic.n,
    }
