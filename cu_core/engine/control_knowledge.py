"""Which questions of a verdict can tell a model before unlearning at all; said before a launch where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.question_record import LEAST_REFERENCES, QUESTIONS
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.base_knowledge import base_path, listed


def remember_controls(spec: RunSpec, home: Home, verdict: Mapping[str, Any] | None) -> None:
    """Keeps which questions told the model before unlearning from retrained ones, for the launch of another run.

    Args:
        spec: of the run.
        home: where that is kept.
        verdict: on the run; nothing is kept without one, or where it made no test.
    """
    told = controlled(verdict) if verdict else {}
    if verdict and told:
        references = str(verdict["references"])
        write_json(_path(spec, home), {"by_references": _known(spec, home) | {references: told}})


def controlled(verdict: Mapping[str, Any]) -> dict[str, bool]:
    """Question to whether the model before unlearning was told by it; of those about the forget set that made tests."""
    return {
        str(claim["id"]): bool(claim["controlled"])
        for claim in verdict["claims"]
        if claim["controlled"] is not None
        and claim["applies"]
        and claim["id"] in QUESTIONS
        and QUESTIONS[claim["id"]].about_forgetting
    }


def known_controls(spec: RunSpec, home: Home) -> str | None:
    """What a verdict on a run cannot tell, as an earlier run with the same base model and forget set found.

    Args:
        spec: of the run that is to be launched. What was found with as many references counts, or else with the next
            larger number of them, or else with the largest.
        home: where that is kept.

    Returns:
        In words; None where all of it was told, or nobody has found out.

    Raises:
        BadInput: no such dataset; a folder that is missing.
    """
    if not spec.audit.verdict:
        return None
    known = {int(count): told for count, told in _known(spec, home).items() if count.isdecimal()}
    if not known:
        return None
    references = min((count for count in known if count >= spec.references), default=max(known))
    told = known[references]
    blind = [QUESTIONS[name].title.lower() for name, seen in told.items() if name in QUESTIONS and not seen]
    if not blind:
        return None
    return control_words(blind, all_of_them=len(blind) == len(told), references=references)


def control_words(blind: Sequence[str], *, all_of_them: bool, references: int) -> str:
    """That questions cannot tell a model before unlearning, in words.

    Args:
        blind: their titles, in lower case.
        all_of_them: whether no question about the forget set is left.
        references: retrained models with which that was found.
    """
    asked = f"the question{'' if len(blind) == 1 else 's'} {listed(blind)}"
    found = f"an earlier run with this base model, this forget set and {references} references found that {asked}"
    told = "cannot tell the model before unlearning from retrained ones"
    if all_of_them:
        return (
            f"Nothing detectable is there to forget: {found} {told}. With as many references a verdict ends in "
            '"cannot tell" at best.'
        )
    return f'A part of the verdict will end in "cannot tell", unless a difference shows: {found} {told}.'


def few_reference_words(spec: RunSpec) -> str | None:
    """That a run has too few references for a verdict, in words; None where there are enough or none is asked for."""
    if not spec.audit.verdict or spec.references >= LEAST_REFERENCES:
        return None
    asked = f"{spec.references} are" if spec.references > 1 else "one is" if spec.references else "none is"
    return (
        f"The verdict's tests need {LEAST_REFERENCES} references, and {asked} asked for: it will not tell whether the "
        "data is gone."
    )


def before_launch(specs: Sequence[RunSpec], home: Home) -> list[str]:
    """What can be said of the verdicts of runs before they start, where it is the same for all of them."""
    said = []
    for words in (few_reference_words, lambda spec: _quietly(spec, home)):
        first = words(specs[0]) if specs else None
        if first and all(words(spec) == first for spec in specs[1:]):
            said.append(first)
    return said


def _quietly(spec: RunSpec, home: Home) -> str | None:
    try:
        return known_controls(spec, home)
    except BadInput:
        return None


def _known(spec: RunSpec, home: Home) -> dict[str, dict[str, bool]]:
    """Number of references to question to whether it told the model before unlearning."""
    try:
        found = read_json(_path(spec, home))["by_references"]
        return {str(count): {str(k): bool(v) for k, v in told.items()} for count, told in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _path(spec: RunSpec, home: Home) -> Path:
    beside: Path = base_path(spec, home)
    return beside.with_name(f"{beside.stem}-controls.json")
