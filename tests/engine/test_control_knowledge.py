"""What is known of a verdict before a launch: too few references, questions that cannot tell the base model."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.question_record import QUESTIONS
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.catalogue.spec_recording import StopSpec
from cu_core.cli import main
from cu_core.data.prepared import prepare
from cu_core.engine.control_knowledge import (
    before_launch,
    controlled,
    few_reference_words,
    known_controls,
    remember_controls,
)
from cu_core.runstore.reader import list_runs, open_run

ABOUT = [question.id for question in QUESTIONS.values() if question.about_forgetting]
SPEC = dataclasses.replace(
    RunSpec(), data=DataSpec(dataset="digits"), forget=ForgetSpec(select="random:100"), reference=5
)


def verdict(told: set[str], references: int = 5) -> dict[str, Any]:
    """A verdict in which the model before unlearning is told by some questions."""
    claims = [
        {"id": q.id, "applies": True, "controlled": q.id in told if q.about_forgetting else None}
        for q in QUESTIONS.values()
    ]
    return {"references": references, "claims": claims}


def test_nothing_is_known_at_first_or_where_everything_is_told(home: Home) -> None:
    assert known_controls(SPEC, home) is None
    remember_controls(SPEC, home, None)
    remember_controls(SPEC, home, verdict(set(ABOUT)))
    assert known_controls(SPEC, home) is None and before_launch([SPEC], home) == []


def test_nothing_detectable_is_said_before_the_next_run_with_that_base(home: Home) -> None:
    remember_controls(SPEC, home, verdict(set()))
    other = dataclasses.replace(SPEC, stop=StopSpec(rule="none"), name="another", seed=SPEC.seed)
    said = known_controls(other, home)
    assert said is not None and said.startswith("Nothing detectable is there to forget:")
    assert "5 references" in said and all(QUESTIONS[name].title.lower() in said for name in ABOUT)
    assert before_launch([SPEC, other], home) == [said]
    for changed in (
        dataclasses.replace(SPEC, forget=ForgetSpec(select="random:101")),
        dataclasses.replace(SPEC, seed=1),
        dataclasses.replace(SPEC, audit=dataclasses.replace(SPEC.audit, verdict=False)),
    ):
        assert known_controls(changed, home) is None
    assert before_launch([SPEC, dataclasses.replace(SPEC, seed=1)], home) == [], "not the same for all of them"


def test_only_the_questions_that_cannot_tell_are_named(home: Home) -> None:
    remember_controls(SPEC, home, verdict(set(ABOUT[1:])))
    said = known_controls(SPEC, home)
    assert said is not None and said.startswith("A part of the verdict")
    assert f"the question {QUESTIONS[ABOUT[0]].title.lower()} cannot" in said


def test_the_finding_with_as_many_references_counts(home: Home) -> None:
    remember_controls(SPEC, home, verdict(set(), references=5))
    remember_controls(SPEC, home, verdict(set(ABOUT), references=16))

    def asked(references: int) -> str | None:
        return known_controls(dataclasses.replace(SPEC, reference=references), home)

    assert "and 5 references" in str(asked(5))
    assert asked(6) is None and asked(16) is None and asked(20) is None, "16 tell what 5 do not"
    assert asked(2) is not None


def test_a_verdict_without_tests_tells_nothing(home: Home) -> None:
    none = verdict(set())
    for claim in none["claims"]:
        claim["controlled"] = None
    assert controlled(none) == {}
    remember_controls(SPEC, home, none)
    assert known_controls(SPEC, home) is None
    not_asked = verdict(set())
    not_asked["claims"] = [claim | {"applies": False} for claim in not_asked["claims"]]
    assert controlled(not_asked) == {}


def test_a_damaged_note_is_as_none(home: Home) -> None:
    remember_controls(SPEC, home, verdict(set()))
    (file,) = (home.root / "bases").glob("*-controls.json")
    for content in ("", "[]", '{"by_references": 3}', '{"by_references": {"5": [1]}}', '{"by_references": {"x": {}}}'):
        file.write_text(content)
        assert known_controls(SPEC, home) is None


@pytest.mark.parametrize(
    ("references", "words"), [(0, "none is asked for"), (1, "one is asked for"), (4, "4 are asked for"), (5, None)]
)
def test_too_few_references_are_a_note(references: int, words: str | None) -> None:
    said = few_reference_words(dataclasses.replace(SPEC, reference=references))
    assert said is None if words is None else words in str(said)


def test_the_command_line_says_both(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CU_HOME", str(home.root))
    prepare(DataSpec(dataset="digits"), home)
    assert main(["submit", "--dataset", "digits", "--reference", "2"]) == 0
    found = capsys.readouterr()
    assert "note: The verdict's tests need 5 references, and 2 are asked for" in found.err and "note" not in found.out
    assert main(["submit", "--dataset", "digits", "--forget", "class:1", "--reference", "5"]) == 0
    assert "note" not in capsys.readouterr().err
    row = next(row for row in list_runs(home) if row.forget == "class:1")
    remember_controls(open_run(home, row.run_id).spec, home, verdict(set()))
    assert main(["submit", "--dataset", "digits", "--forget", "class:1", "--reference", "5"]) == 0
    assert "note: Nothing detectable is there to forget" in capsys.readouterr().err
