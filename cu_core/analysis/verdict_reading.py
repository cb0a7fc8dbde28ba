"""The verdict of a finished run as it is read back: with every key, in order, in one line, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cu_core.catalogue.question_record import (
    CANNOT_TELL,
    DIFFERS,
    LEAST_REFERENCES,
    NO_DIFFERENCE,
    QUESTIONS,
    STATES,
    Question,
)
from cu_core.catalogue.verdict_states import SHAPES, is_state, state_words

_CLAIM: dict[str, Any] = {
    "direction": "",
    "statistic": None,
    "null_low": None,
    "null_high": None,
    "p": None,
    "detectable": None,
    "n": 0,
    "sentence": "",
    "applies": True,
    "controlled": None,
}
_TEST: dict[str, Any] = {
    "id": "",
    "title": "",
    "unit": "",
    "value": None,
    "base": None,
    "planted": False,
    "references": [],
    "null_low": None,
    "null_high": None,
    "p": None,
    "detectable": None,
    "margin": None,
    "sides": "both",
    "decisive": False,
    "controlled": None,
    "n": None,
}


@dataclass(frozen=True)
class NoVerdict:
    """Why a run has no verdict, or one that tells nothing.

    Attributes:
        reason: in a sentence.
        what: what to do about it, in a sentence; empty where there is nothing to do.
        clone: whether the run can be asked for again, with more references.
    """

    reason: str
    what: str = ""
    clone: bool = False


def verdict_of(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The verdict in a run's result, with every key that the pages read; None where there is none.

    Args:
        result: content of ``result.json``; older ones know no verdict, and it can be switched off.
    """
    found = (result or {}).get("verdict")
    if not isinstance(found, Mapping) or not is_state(found.get("state")):
        return None
    claims = [_whole(claim) for claim in found.get("claims") or () if isinstance(claim, Mapping)]
    # A question that is answered twice, as by hand, would have two places on a page that knows it by its name.
    claims = list({claim["id"]: claim for claim in reversed(claims)}.values())[::-1]
    return {
        "state": found["state"],
        "sentence": str(found.get("sentence") or ""),
        "statistician": str(found.get("statistician") or ""),
        "references": int(found.get("references") or 0),
        "level": found.get("level"),
        "seconds": found.get("seconds"),
        "claims": [claim for claim in claims if is_state(claim["state"])],
    }


def worst_first(claims: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Claims that differ, then those that cannot tell, then the others; what does not apply comes last."""
    states = list(STATES)
    return sorted(claims, key=lambda claim: (not claim["applies"], states.index(claim["state"])))


def decisive_test(claim: Mapping[str, Any]) -> dict[str, Any] | None:
    """The test that an answer rests on; where there is none the first, and None for a claim without tests.

    Args:
        claim: of a verdict as `verdict_of` gives it.
    """
    tests: list[dict[str, Any]] = claim["tests"]
    return next((test for test in tests if test["decisive"]), tests[0] if tests else None)


def question_title(claim: Mapping[str, Any]) -> str:
    """Name of the question of a claim; its id where a newer program has asked what this one does not know."""
    return QUESTIONS[claim["id"]].title if claim["id"] in QUESTIONS else str(claim["id"])


def answer_state(claim: Mapping[str, Any]) -> str:
    """A claim's state in words, with its shape.

    What needs no retrained models is in order or not: beside "It changed" the words "No difference found" would be read
    as the opposite.

    Args:
        claim: of a verdict as `verdict_of` gives it.
    """
    settled = claim["state"] == NO_DIFFERENCE and not claim["tests"]
    return f"{SHAPES[NO_DIFFERENCE]} In order" if settled else state_words(claim["state"])


def first_sentence(claim: Mapping[str, Any]) -> str:
    """What was found, in one sentence: the first that the claim says."""
    head, end, _ = str(claim["sentence"]).partition(". ")
    return head + end.strip()


def meaning(claim: Mapping[str, Any], question: Question) -> tuple[str, str]:
    """What it means that a claim differs, and the words before that: of any other state, what it would have meant.

    Args:
        claim: of a verdict as `verdict_of` gives it.
        question: its record.
    """
    said = question.means.removeprefix(f"{STATES[DIFFERS]}: ")
    if claim["state"] == DIFFERS:
        return "What it means.", said[:1].upper() + said[1:]
    return f"If it said {STATES[DIFFERS]}:", said


def finding_of(claim: Mapping[str, Any]) -> str:
    """What was found, as a sentence that needs no question before it."""
    known = QUESTIONS.get(claim["id"])
    words = "" if known is None else {DIFFERS: known.if_differs, NO_DIFFERENCE: known.if_none}.get(claim["state"], "")
    if words:
        return words
    return f"{STATES[claim['state']]}: {known.question if known is not None else question_title(claim)}"


def heading_of_test(test: Mapping[str, Any]) -> str:
    """What a test measures, and in which unit, as a heading."""
    unit = str(test["unit"])
    return (
        f"{test['title']}, in {unit.removeprefix('of ')}"
        if unit.startswith("of ")
        else f"{test['title']} {unit}".strip()
    )


def verdict_line(verdict: Mapping[str, Any] | None) -> str:
    """State and sentence for a lay person in one line; says so where there is no verdict."""
    if verdict is None:
        return "No verdict."
    return f"{STATES[verdict['state']]}. {verdict['sentence']}"


def few_references(verdict: Mapping[str, Any]) -> NoVerdict | None:
    """Why a verdict tells nothing for want of references; None where it has enough of them."""
    if verdict["state"] != CANNOT_TELL or verdict["references"] >= LEAST_REFERENCES:
        return None
    return NoVerdict(verdict["sentence"], f"Clone the run and ask for {LEAST_REFERENCES} references or more.", True)


def why_no_verdict(
    run_id: str, state: str, references: int, *, wanted: bool = True, demo: bool = False, deep: bool = False
) -> NoVerdict:
    """Why a run without a verdict has none, and what to do.

    Args:
        run_id: of the run.
        state: see `cu_core.runstore.state`.
        references: how many its specification asks for.
        wanted: whether its specification asks for a verdict.
        demo: whether it ships with the project, without its models.
        deep: whether it is a deep audit.
    """
    if deep:
        return NoVerdict("A deep audit makes no verdict of its own; that of the run it audits stands with that run.")
    few = references < LEAST_REFERENCES
    many = f"{references or 'no'} reference{'' if references == 1 else 's'}"
    enough = f"Clone the run and ask for {LEAST_REFERENCES} references or more."
    if state in ("queued", "starting", "running"):
        if not wanted:
            return NoVerdict("No verdict is made: it was switched off for this run.")
        if few:
            return NoVerdict(
                f"The verdict comes at the end of the run, and will not conclude anything: it needs {LEAST_REFERENCES} "
                f"references, and the run asks for {many}."
            )
        return NoVerdict("The verdict comes at the end of the run.")
    if state != "succeeded":
        return NoVerdict(f"No verdict: the run is {state}, and only one that has ended well gets one.")
    reason = "No verdict was made: it was switched off." if not wanted else "No verdict was made in this run."
    if few:
        return NoVerdict(f"{reason} With {many} there would be too few to conclude anything.", enough, True)
    if demo:
        return NoVerdict(reason, "Clone the run to get one; its models did not come with the demo.", True)
    return NoVerdict(reason, f"Make one in a terminal: unlearnscope verdict {run_id}")


def _whole(claim: Mapping[str, Any]) -> dict[str, Any]:
    tests = [_filled(test, _TEST) for test in claim.get("tests") or () if isinstance(test, Mapping)]
    found = _filled(claim, _CLAIM) | {"id": str(claim.get("id") or ""), "state": claim.get("state")}
    return found | {"tests": tests, "notes": [str(note) for note in claim.get("notes") or () if note]}


def _filled(stored: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """The stored values, and the usual ones for what is missing or null."""
    return {name: value if (kept := stored.get(name)) is None else kept for name, value in usual.items()}
