"""What a verdict says in sentences: of each question, and of the whole, for a lay person and for a statistician."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, LEAST_REFERENCES, NO_DIFFERENCE, QUESTIONS
from cu_core.metrics.questions.null_test import LEVEL

if TYPE_CHECKING:
    from cu_core.metrics.questions.judgement import AnsweredQuestion
    from cu_core.metrics.questions.null_test import Tested


def claim_sentence(asked: AnsweredQuestion, told: Mapping[str, Any], references: int) -> str:
    """The answer to one question in words, true of this model and these references.

    Args:
        asked: the question with its tests.
        told: the claim without its sentence.
        references: number of retrained models.
    """
    inquiry = asked.inquiry
    if inquiry.why_not:
        return f"Does not apply: {inquiry.why_not}."
    if inquiry.missing:
        return f"Cannot tell: {inquiry.missing}."
    if inquiry.settled is not None:
        s = inquiry.settled
        found = f"{s.measure} is {number(s.value)} {s.unit}".rstrip()
        return f"{_upper(s.direction if s.differs else s.alike)}: {found}, and the limit {number(s.limit)}."
    if references < LEAST_REFERENCES:
        return f"Cannot tell: {few_references(references)}."
    decisive = asked.decisive
    if decisive is None or decisive.null is None:
        return "Cannot tell: none of its numbers could be measured on every model, or retrained models agree exactly."
    what = decisive.statistic
    of = f"{what.title} is {number(decisive.value)} {what.unit}".rstrip()
    between = f"retrained models lie between {number(told['null_low'])} and {number(told['null_high'])}"
    if told["state"] == DIFFERS:
        return f"{_upper(told['direction'])}: {_lower(of)}, {between} (95 %; {p_text(told['p'])})."
    if told["state"] == NO_DIFFERENCE:
        seen = f"{_would_count(decisive, told['detectable'])}, less than half of {_control(asked)}."
        return f"{of}; {between}. {seen}{_lies_outside(decisive, told)}"
    if not asked.controlled:
        whose = "a planted difference" if inquiry.planted else "the model before unlearning"
        if asked.positive_p is not None and asked.positive_p <= LEVEL:
            why = (
                f"this question tells {whose} from retrained ones, but would not see half of what that is off, so "
                "passing it says little"
            )
        else:
            why = f"this question does not tell {whose} from retrained ones, so passing it says nothing"
        return f"Cannot tell: {why}. {of}; {between}."
    return (
        f"Cannot tell: no difference is established, but one of half of {_control(asked)} is not excluded either. "
        f"{of}; {between}."
    )


def whole_sentence(state: str, claims: Sequence[Mapping[str, Any]], references: int) -> str:
    """The whole verdict, for a lay person."""
    titles = {c["id"]: QUESTIONS[c["id"]].title for c in claims if c["id"] in QUESTIONS}
    if state == DIFFERS:
        found = [c for c in claims if c["state"] == DIFFERS and c["applies"]]
        named = "; ".join(str(c["direction"]) for c in found)
        if [c["id"] for c in found] == ["integrity"]:
            return f"The weights that are stored are not the model that was measured ({named})."
        return f"This model can be told from models that never saw the data: {named}."
    open_ = [titles[c["id"]].lower() for c in claims if c["state"] == CANNOT_TELL and c["applies"]]
    if state == NO_DIFFERENCE:
        return (
            f"None of {sum(c['applies'] for c in claims)} questions tells this model from models that never saw the "
            "data; what they cannot see is not excluded."
        )
    if references < LEAST_REFERENCES:
        return f"Nothing can be concluded: {few_references(references)}."
    clear = sum(c["state"] == NO_DIFFERENCE for c in claims if c["applies"])
    asked, find = sum(c["applies"] for c in claims), "finds" if clear == 1 else "find"
    seen = f"{clear} of {asked} questions {find} no difference to models that never saw the data"
    these = "this one cannot" if len(open_) == 1 else "these cannot"
    return f"It cannot be told whether the data is gone: {seen}, and {these} tell: {', '.join(open_)}."


def statistician_sentence(asked_tests: tuple[int, int], references: int, alike: int = 0) -> str:
    """The whole verdict's method, for a statistician.

    Args:
        asked_tests: number of questions that were answered by tests, and of tests.
        references: number of retrained models.
        alike: how many more there were that answer exactly as one of these, or as the model before unlearning.
    """
    questions, tests = asked_tests
    # Copies of one file, or networks that training has broken in the same way.
    answer = "answers" if alike == 1 else "answer"
    as_what = "as one that counts or as the model before unlearning"
    repeats = f" {alike} more {answer} exactly {as_what}, and did not count." if alike else ""
    if references < LEAST_REFERENCES:
        return (
            f"No test was made: a null distribution needs {LEAST_REFERENCES} or more retrained models, and there "
            f"{_are(references)}.{repeats}"
        )
    if not questions:
        return f"No test was made: no number could be measured on all of {references} retrained models.{repeats}"
    return (
        f"{_count(tests, 'statistic')} of {_count(questions, 'question')} against {references} retrained models, each "
        f"left out in turn (Student's t prediction, {references - 1} degrees of freedom); Bonferroni within a "
        f"question, Holm over questions, familywise level {LEVEL:.0%}. No difference: two one-sided tests at "
        f"{LEVEL:.0%} within half of what the positive control is off, where that half would be detected.{repeats}"
    )


def few_references(references: int) -> str:
    """That there are too few retrained models, in words."""
    return f"a verdict needs at least {LEAST_REFERENCES} retrained models, and there {_are(references)}"


def number(value: float | None) -> str:
    """A number with three significant digits, as people read it."""
    if value is None:
        return "n/a"
    text = f"{value:.3g}"
    if "e" in text:
        text = f"{value:.1e}" if abs(value) < 1e-3 else f"{value:,.0f}"
    return text.replace("-", "−")


def p_text(p: float | None) -> str:
    """A p-value in words; very small ones as a bound."""
    if p is None:
        return "p not known"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _would_count(test: Tested, detectable: float | None) -> str:
    """Which difference would have been called one: of some numbers only one that is larger, or smaller."""
    size = number(detectable)
    if test.statistic.sides == "both":
        return f"A difference of {size} would have been called one"
    side = "above" if test.statistic.sides == "high" else "below"
    return f"Only a number {side} theirs counts: {size} {side} their mean would have been called a difference"


def _lies_outside(test: Tested, told: Mapping[str, Any]) -> str:
    """That a number outside the band is none that would be called a difference, and why; empty for one inside."""
    value, low, high = test.value, told["null_low"], told["null_high"]
    if value is None or low is None or low <= value <= high:
        return ""
    if test.statistic.sides == ("low" if value > high else "high"):
        return " This one lies on the other side."
    return f" This one lies {number(abs(test.off))} {'above' if test.off > 0 else 'below'} it, which is less."


def _control(asked: AnsweredQuestion) -> str:
    return "the planted difference" if asked.inquiry.planted else "how far the model before unlearning is off"


def _are(count: int) -> str:
    return "is 1" if count == 1 else "are none" if count == 0 else f"are {count}"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _lower(text: str) -> str:
    """With a small first letter, unless it begins an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
