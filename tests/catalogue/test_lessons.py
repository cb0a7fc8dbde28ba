"""Lessons: the shipped one, the one in the docs, and every kind of file that is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.glossary.misconceptions import MISCONCEPTIONS
from cu_core.catalogue.lessons.lesson_reader import (
    MOST_BYTES,
    lesson_files,
    lesson_from_text,
    lesson_of,
    own_folder,
    read_lesson,
    shipped_folder,
)
from cu_core.catalogue.lessons.lesson_words import Condition, Fact, Paragraph, said
from tests.conftest import ROOT

SHIPPED = shipped_folder() / "what-unlearning-does.yaml"
DOCS = (ROOT / "docs" / "lessons.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)


def test_the_shipped_lesson_takes_a_quarter_of_an_hour_in_steps_of_one_or_two_minutes() -> None:
    lesson = read_lesson(SHIPPED)
    assert len(lesson.steps) >= 8
    assert 13 <= lesson.minutes <= 16
    *steps, last = lesson.steps
    assert all(1 <= step.minutes <= 2 and step.question and step.honest for step in steps)
    assert last.control == "sandbox"


def test_its_sentences_hold_no_number_that_a_run_could_contradict() -> None:
    lesson = read_lesson(SHIPPED)
    for step in lesson.steps[:-1]:
        for paragraph in (*step.text, *step.reveal, *step.honest):
            bare = re.sub(r"\{[^}]*\}", "", paragraph.text)
            # The scale of an AUC, the level of the band and the ends of shares are no measurements.
            assert set(re.findall(r"\d+(?:\.\d+)?", bare)) <= {"0", "0.5", "1", "0.1", "19", "20"}, paragraph.text


def test_the_glossary_says_which_steps_answer_a_misconception() -> None:
    lesson = read_lesson(SHIPPED)
    for known in MISCONCEPTIONS:
        steps = [step.id for step in lesson.steps if known.id in step.answers_misconception]
        assert [name for kind, name in known.answers if kind == "lesson"] == steps, known.id


def test_the_example_of_the_docs_is_a_lesson() -> None:
    lesson = lesson_from_text(EXAMPLE, "hiding", "hiding.yaml")
    assert [step.id for step in lesson.steps] == ["quiet", "sign"]
    (way,) = lesson.runs["filter"].live
    assert (way.spec.method.id, way.spec.reference, way.spec.audit.verdict) == ("output_filter", 2, False)
    assert way.spec.forget.select == "class:5"


def test_a_lesson_of_ones_own_stands_beside_the_shipped_ones_and_may_replace_one(home: Home) -> None:
    own_folder(home).mkdir()
    (own_folder(home) / "mine.yaml").write_text(EXAMPLE)
    (own_folder(home) / "Not Mine.yaml").write_text(EXAMPLE)
    assert list(lesson_files(home)) == ["what-unlearning-does", "mine"]
    assert lesson_of(home, "mine").title == "Hiding and forgetting"
    (own_folder(home) / "what-unlearning-does.yaml").write_text(EXAMPLE)
    assert lesson_of(home, "what-unlearning-does").title == "Hiding and forgetting"
    with pytest.raises(BadInput, match=r"mine.*(?s:.)*allowed.*mine"):
        lesson_of(home, "min")


BAD: dict[str, tuple[str, str, str]] = {
    "unknown field": ("    minutes: 2\n", "    minutes: 2\n    minuts: 3\n", r"step 1.*minuts.*minutes"),
    "minutes": ("minutes: 2", "minutes: two", r"step 1 \(quiet\): minutes.*two.*0 to 120"),
    "no minutes": ("    minutes: 2\n", "", r"step 1 \(quiet\): minutes.*missing"),
    "unknown run": ("    run: filter\n    answers", "    run: filtre\n    answers", r"run.*filtre.*filter"),
    "unknown part": ("part: before-after", "part: after", r"parts 1: part.*after.*before-after"),
    "unknown metric": ("metrics: [probe_recovery]", "metrics: [probe]", r"parts 1: metrics.*probe"),
    "no metric": (", metrics: [probe_recovery]", "", r"parts 1: metrics.*missing"),
    "unknown misconception": ("[accuracy-zero]", "[zero]", r"answers_misconception.*zero.*lower-is-better"),
    "unknown kind": ("kind: number", "kind: essay", r"question: kind.*essay.*number, choice"),
    "placeholder": ("{forget_acc.after} of", "{open('x')} of", r"step 1 \(quiet\): text.*open.*placeholder"),
    "condition": ("guess < truth - 0.08", "__import__('os')", r"explain.*condition.*forget_acc"),
    "other run": ("{test_acc_retained.after}.", "{nobody/forget_acc.after}.", r"step 1 \(quiet\).*nobody.*filter"),
    "near": ("near: 8", "near: 800", r"question: near.*800.*0 to 100"),
    "setting": ("reference: 2}", "reference: 200}", r"runs.filter.live: change: reference"),
    "unknown setting": ("audit.attacks: none", "audit.atacks: none", r"runs.filter.live: change: audit.*atacks"),
    "unknown preset": ("preset: digit-5", "preset: digit-six", r"preset.*digit-six.*digit-5"),
    "find": ("data.dataset: digits", "data.datset: digits", r"runs.filter: find.*data.datset"),
    "part of a text": ("data.dataset: digits", "device.a: 1", r"runs.filter: find.*device.a"),
    "part of a number": ("data.dataset: digits", "processes.x: 1", r"runs.filter: find.*processes.x"),
    "list of metrics": ("metrics: [probe_recovery]", "metrics: [[probe_recovery]]", r"parts 1: metrics"),
    "list of misconceptions": ("[accuracy-zero]", "[{a: b}]", r"answers_misconception"),
    "two ids": ("id: sign", "id: quiet", r"steps.*quiet"),
    "id": ("id: sign", "id: 7", r"step 2: id"),
    "right and when": ("right: true\n", "right: true\n          when: guess > 1\n", r"options 2: when"),
    "no explanation": ('          why: "The probe finds it."\n', "", r"options 2: why.*missing"),
    "no YAML": ("steps:", "steps: [", r"mine.yaml.*no YAML.*line"),
    "python": ("Two steps on an output filter.", "!!python/object/apply:os.getcwd []", r"mine.yaml.*YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_none_says_where_and_what_may_be(name: str) -> None:
    old, new, words = BAD[name]
    assert old in EXAMPLE
    with pytest.raises(BadInput) as caught:
        lesson_from_text(EXAMPLE.replace(old, new, 1), "mine", "mine.yaml")
    assert "mine.yaml" in str(caught.value)
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)


def test_small_files_cannot_grow_large() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\ntitle: *b\n"
    with pytest.raises(BadInput, match="aliases"):
        lesson_from_text(bomb, "mine", "mine.yaml")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("#" * (MOST_BYTES + 1))
    with pytest.raises(BadInput, match=r"large.yaml.*200 kB"):
        read_lesson(path)


@pytest.mark.parametrize("content", ["", "3", "- a", "title: x", "title: x\nsummary: y\nsteps: 3", "\x00"])
def test_any_other_content_is_refused_in_words(content: str) -> None:
    with pytest.raises(BadInput):
        lesson_from_text(content, "mine", "mine.yaml")


FACTS = {"a.after": Fact(0.2, "20 %"), "state": Fact("differs", "Differs"), "r/a.after": Fact(0.9, "90 %")}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("", True),
        ("a.after < 0.3", True),
        ("a.after > 0.3", False),
        ("a.after + 0.2 >= 0.4", True),
        ("a.after > 0.1 and a.after < 0.15", False),
        ("r/a.after > a.after + 0.5", True),
        ("state is differs", True),
        ("state is not differs", False),
        ("unknown.after < 3", False),
        ("unknown is not differs", False),
        ("state > 0.1", False),
        ("known a.after", True),
        ("not known a.before", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    assert (Condition.read(condition, "x") if condition else Condition()).holds(FACTS) is holds


def test_a_paragraph_that_names_what_is_not_known_or_is_not_true_is_left_out() -> None:
    paragraphs = [
        Paragraph.read("It is {a.after}, there {r/a.after}.", "", "x"),
        Paragraph.read("It is {b.after}.", "", "x"),
        Paragraph.read("It is high.", "a.after > 0.5", "x"),
    ]
    assert said(paragraphs, FACTS) == ["It is 20 %, there 90 %."]
