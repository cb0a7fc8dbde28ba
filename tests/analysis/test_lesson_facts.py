"""What lessons may say of a run, and which finished run stands for one of a lesson."""

from __future__ import annotations

import pytest

from cu_core.analysis.lesson_facts import facts_of, missing_runs, number_text, recorded_run, share_text
from cu_core.base.home import Home
from cu_core.catalogue.lessons.lesson_reader import read_lesson, shipped_folder
from cu_core.catalogue.lessons.lesson_record import LessonRun
from cu_core.catalogue.lessons.lesson_words import Paragraph
from cu_core.catalogue.spec import MethodSpec
from cu_core.runstore.reader import open_run
from tests.conftest import ROOT
from tests.madeup import CLASSES, MadeUp, write_run
from tests.madeup_claims import madeup_verdict

LESSON = read_lesson(shipped_folder() / "what-unlearning-does.yaml")
WANTED = LessonRun("x", "X", {"forget.select": ("class:5",), "method.id": ("eu_k", "contrastive")})


def test_numbers_of_a_run_are_known_by_name_and_agree_with_its_result(home: Home) -> None:
    write_run(home, "one", MadeUp(references=tuple(range(8)), result={"verdict": madeup_verdict("differs")}))
    view = open_run(home, "one")
    facts, result = facts_of(view, CLASSES), view.result() or {}
    assert facts["forget_acc.after"].value == result["metrics"]["after"]["forget_acc"]
    assert facts["forget_acc.after"].text == share_text(result["metrics"]["after"]["forget_acc"])
    singles = [one["metrics"]["forget_acc"] for one in result["references"]]
    assert facts["forget_acc.spread"].value == pytest.approx(max(singles) - min(singles))
    low, high = float(facts["forget_acc.low"].value), float(facts["forget_acc.high"].value)
    after = float(facts["forget_acc.after"].value)
    assert facts["forget_acc.place"].value == ("below" if after < low else "above" if after > high else "inside")
    assert facts["class"].text == CLASSES[5]
    assert facts["verdict.state"].value == "differs"
    strongest = float(facts["attack.strongest.after"].value)
    nearest = float(facts["attack.nearest.after"].value)
    assert abs(strongest - 0.5) >= abs(nearest - 0.5)


def test_of_a_run_with_one_reference_there_is_no_band(home: Home) -> None:
    write_run(home, "one", MadeUp())
    facts = facts_of(open_run(home, "one"))
    assert "forget_acc.reference" in facts
    assert not {"forget_acc.low", "forget_acc.place", "verdict.state"} & set(facts)


def test_of_an_unfinished_run_only_what_was_asked_for_is_known(home: Home) -> None:
    write_run(home, "one", MadeUp(state="failed"))
    assert set(facts_of(open_run(home, "one"))) == {"task", "dataset", "method", "method.id", "class"}


def test_what_the_lesson_names_exists(home: Home) -> None:
    """A name with a slip of the pen would leave its paragraph out of every run, silently."""
    for name, made in {
        "class": MadeUp(references=(0, 1, 2, 3, 4, 5), result={"verdict": madeup_verdict("differs")}),
        "samples": MadeUp(select="fraction:0.1", references=(0, 1, 2, 3, 4, 5)),
    }.items():
        write_run(home, name, made)
    known = set(facts_of(open_run(home, "class"))) | set(facts_of(open_run(home, "samples")))
    known |= {"seconds.unlearn", "seconds.retrain", "cost.share", "probe_recovery.place", "over_unlearning"}
    metrics = {f"{name.partition('.')[0]}" for name in known}
    for step in LESSON.steps:
        texts: list[Paragraph] = [*step.text, *step.reveal, *step.honest]
        if step.question:
            texts += [*step.question.explain, *(why for option in step.question.options for why in option.why)]
        for name in set().union(*(paragraph.names() for paragraph in texts)) - {"truth", "guess"}:
            bare = name.rpartition("/")[2]
            assert bare in known or bare.partition(".")[0] in metrics | {"claim", "attack"}, (step.id, name)


def test_the_docs_name_the_kinds_of_facts(home: Home) -> None:
    write_run(home, "one", MadeUp(references=(0, 1), result={"verdict": madeup_verdict("differs")}))
    docs = (ROOT / "docs" / "lessons.md").read_text(encoding="utf-8")
    for name in facts_of(open_run(home, "one"), CLASSES):
        last = name.rpartition(".")[2]
        assert f"`{name}`" in docs or f".{last}`" in docs, name


def test_the_run_that_stands_for_a_lessons_ships_with_the_project_or_has_a_verdict_or_is_the_newest(home: Home) -> None:
    assert recorded_run(home, WANTED) is None
    write_run(home, "other", MadeUp(select="class:4"))
    write_run(home, "filter", MadeUp(spec={"method": MethodSpec("output_filter")}))
    write_run(home, "unfinished", MadeUp(state="running"))
    assert recorded_run(home, WANTED) is None
    write_run(home, "plain", MadeUp())
    assert recorded_run(home, WANTED) == "plain"
    write_run(home, "judged", MadeUp(references=tuple(range(8)), result={"verdict": madeup_verdict("differs")}))
    assert recorded_run(home, WANTED) == "judged"
    write_run(home, "shipped", MadeUp(demo=True))
    assert recorded_run(home, WANTED) == "shipped"
    assert [run.id for run in missing_runs(home, LESSON)] == ["samples"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.50"), (-0.5, "−0.50"), (0.004, "0.004"), (0.0, "0.00"), (-9996.2, "−9,996"), (1, "1.00")],
)
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0 %"), (0.0229, "2.3 %"), (1.0, "100 %"), (2.541, "254 %")])
def test_shares_as_people_read_them(value: float, text: str) -> None:
    assert share_text(value).replace("\N{NO-BREAK SPACE}", " ") == text
