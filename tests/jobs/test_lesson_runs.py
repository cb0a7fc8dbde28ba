"""The finished runs that ship: those of the demos and of the lessons together, small, and what the lesson needs."""

from __future__ import annotations

from cu_core.analysis.lesson_facts import facts_of, missing_runs, recorded_run
from cu_core.base.home import Home
from cu_core.catalogue.lessons.lesson_reader import read_lesson, shipped_folder
from cu_core.jobs import demo
from cu_core.runstore.reader import list_runs, open_run
from tests.conftest import ROOT
from tools.make_lesson_runs import MOST_BYTES, lesson_runs

LESSON = read_lesson(shipped_folder() / "what-unlearning-does.yaml")
MOST_TOGETHER = 6_500_000
DEMOS = ROOT / "assets" / "demo"


def test_a_first_start_has_a_run_of_its_own_for_each_of_the_lesson(home: Home) -> None:
    queued = demo.welcome(home, DEMOS)
    assert missing_runs(home, LESSON) == []
    found = {name: open_run(home, str(recorded_run(home, run))) for name, run in LESSON.runs.items()}
    assert len({view.run_id for view in found.values()}) == len(found)
    assert found["class"].spec.method.id == "eu_k" and found["pushed"].spec.method.id == "contrastive"
    assert all(row.demo for row in list_runs(home) if row.run_id != queued)


def test_the_pushed_class_has_what_its_step_asks_for(home: Home) -> None:
    demo.install(home, shipped_folder())
    view = open_run(home, str(recorded_run(home, LESSON.runs["pushed"])))
    asked, made = lesson_runs()["digit-5-pushed"], view.spec
    assert (made.data, made.model, made.method, made.probe) == (asked.data, asked.model, asked.method, asked.probe)
    assert {"claim.comes-back.place", "claim.comes-back.notes", "verdict.state"} <= set(facts_of(view))
    assert facts_of(view)["references"].value == 8
    assert not view.damage()


def test_the_run_of_single_pictures_shows_what_digits_cannot(home: Home) -> None:
    demo.install(home, shipped_folder())
    view = open_run(home, str(recorded_run(home, LESSON.runs["samples"])))
    asked, made = lesson_runs()["emoji-random"], view.spec
    assert (made.data, made.forget, made.method, made.probe) == (asked.data, asked.forget, asked.method, asked.probe)
    facts = facts_of(view)
    assert float(facts["forget_acc.before"].value) > 0.99
    assert 0.5 < float(facts["forget_acc.reference"].value) < 0.9
    assert {"forget_acc.place", "mia_auc.reference", "verdict.state", "over_unlearning"} <= set(facts)
    assert not view.damage()


def test_what_ships_is_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in shipped_folder().glob("*.zip")}
    assert sizes.keys() == MOST_BYTES.keys() and all(sizes[name] <= MOST_BYTES[name] for name in sizes)
    lessons = sum(sizes.values())
    assert lessons + sum(path.stat().st_size for path in DEMOS.glob("*.zip")) <= MOST_TOGETHER
