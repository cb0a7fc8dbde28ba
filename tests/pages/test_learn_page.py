"""The page of lessons, through the frame: guess, commit, reveal; presenting; live and recorded runs; an audience."""

from __future__ import annotations

import json
import re
import shutil
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.lesson_axes import OF_METRICS, OF_TESTS
from cu_core.analysis.verdict_reading import decisive_test
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.lessons.lesson_reader import own_folder, read_lesson, shipped_folder
from cu_core.catalogue.spec import MethodSpec
from cu_core.jobs import background, demo, dispatcher, lesson_delivery
from cu_core.jobs.submission import delete
from cu_core.runstore import layout
from cu_core.runstore.reader import list_runs, open_run
from cu_core.sharing.lesson_answers import count_answer, counted_answers
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import madeup_verdict
from tests.pages.page_helpers import open_page, texts

LESSON = read_lesson(shipped_folder() / "what-unlearning-does.yaml")
NAME = LESSON.id


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda home: True)
    monkeypatch.setattr(lesson_delivery, "start_prepare", lambda *_: None)


@pytest.fixture
def runs(home: Home) -> None:
    """A recorded run for each of the lesson's."""
    seeds = (0, 1, 2, 3, 4)
    write_run(home, "class-run", MadeUp(references=seeds))
    write_run(home, "samples-run", MadeUp(select="fraction:0.1", references=seeds))
    write_run(home, "filter-run", MadeUp(references=seeds, spec={"method": MethodSpec("output_filter")}))


def figures(app: AppTest) -> str:
    return "".join(str(chart.proto.spec) for chart in app.get("plotly_chart"))


def choose(app: AppTest, key: str, option: int) -> AppTest:
    return app.radio(key=key).set_value(option).run()


def lock_in(app: AppTest) -> AppTest:
    app = app.button(key="lock_in").click().run()
    assert not app.exception, app.exception
    return app


def test_a_guess_is_locked_in_and_stands_beside_what_was_measured(home: Home, runs: None) -> None:
    app = open_page("learn.py", audience="1")
    assert "We delete a class" in texts(app) and "Recorded on" in texts(app)
    assert "Measured" not in texts(app) and "Your answer" not in figures(app)
    app.slider(key=f"guess_{NAME}_class").set_value(40.0).run()
    app = lock_in(app)
    said = texts(app)
    measured = open_run(home, "class-run").result()["metrics"]["after"]["forget_acc"]
    assert f"Measured: {100 * measured:.1f}".removesuffix(".0") in said.replace("\N{NO-BREAK SPACE}", " ")
    assert "Your answer: 40 %" in figures(app)
    assert not app.slider, "it cannot be changed any more"
    assert counted_answers(home, NAME, "class") == {4: 1}
    app = app.button(key="step_next").click().run()
    assert app.query_params["step"] == "rounds"
    app = app.button(key="step_back").click().run()
    assert "Your answer: **40 %**" in texts(app), "it is still there when one comes back"


def test_every_wrong_option_is_explained_and_only_the_own_one_comes_first(runs: None) -> None:
    app = open_page("learn.py", step="references")
    assert app.button(key="lock_in").disabled
    app = lock_in(choose(app, f"guess_{NAME}_references", 1))
    said = texts(app)
    options = [option.text for option in LESSON.steps[3].question.options]
    places = [said.index(f"**{text}**") for text in options]
    assert places[1] < places[0] < places[2]
    assert "Not quite" in said and f"Right is: {options[2]}" in said
    assert any(alert.value for alert in app.info), "what may honestly be said"


@pytest.mark.parametrize(("state", "right"), [("differs", 1), ("no-difference-found", 2), ("cannot-tell", 3)])
def test_which_sentence_may_be_signed_depends_on_the_run(home: Home, state: str, right: int) -> None:
    write_run(home, "class-run", MadeUp(references=tuple(range(8)), result={"verdict": madeup_verdict(state)}))
    said = texts(open_page("learn.py", step="verdict", present="1", reveal="1"))
    options = LESSON.steps[LESSON.place_of("verdict")].question.options
    for place, option in enumerate(options):
        mark = ":material/check:" if place == right else ":material/close:"
        assert f"{mark} **{option.text}**" in said


@pytest.mark.parametrize("step", [step.id for step in LESSON.steps])
@pytest.mark.parametrize("present", ["", "1"])
def test_every_step_opens_with_runs_and_without(home: Home, step: str, present: str) -> None:
    asked = {"step": step} | ({"present": "1", "reveal": "1"} if present else {})
    app = open_page("learn.py", **asked)
    if LESSON.steps[LESSON.place_of(step)].run:
        assert "No recorded run" in texts(app) and "Run it live" in texts(app)
    write_run(home, "class-run", MadeUp())
    # Formulas of terms have braces, too.
    assert not re.search(r"\{[\w/-]+\.[\w.-]+\}", texts(open_page("learn.py", **asked)))


def test_a_lesson_without_recorded_runs_can_still_be_answered(home: Home) -> None:
    app = lock_in(open_page("learn.py"))
    assert "Your answer: **50 %**" in texts(app)
    assert "Measured" not in texts(app)


def test_a_live_run_is_asked_for_watched_and_left_again(home: Home, runs: None) -> None:
    app = open_page("learn.py", step="rounds")
    app = app.button(key="live_class").click().run()
    assert not app.exception
    (row,) = [row for row in list_runs(home) if row.state == "queued"]
    spec = open_run(home, row.run_id).spec
    assert (spec.forget.select, spec.audit.verdict, spec.audit.attacks) == ("class:5", False, "none")
    assert "Live on this machine" in texts(app) and "Lock in your answer" in texts(app)
    app = app.button(key="step_next").click().run()
    assert "Recorded on" in texts(app), "another run of the lesson is none of it"
    # A step that speaks of attacks has nothing from a quick run.
    app = open_page("learn.py", step="coin")
    assert "Recorded on" in texts(app)
    assert [b.label for b in app.button if b.key == "live_class"] == ["Run it live, with attacks and verdict"]


def test_a_presenter_has_no_sidebar_and_goes_on_from_question_to_answer_to_step(runs: None) -> None:
    app = open_page("learn.py", step="class", present="1")
    assert not app.sidebar.children
    assert not app.title and "from the audience so far" in texts(app)
    app = app.button(key="step_next").click().run()
    assert app.query_params["reveal"] == "1" and "Measured" in texts(app)
    app = app.button(key="step_next").click().run()
    assert app.query_params["step"] == "rounds" and "reveal" not in app.query_params
    assert app.query_params["present"] == "1"
    app = app.button(key="end_presenting").click().run()
    assert app.title[0].value == "Learn" and "present" not in app.query_params


@pytest.mark.parametrize("step", ["coin", "tuned"])
def test_all_words_of_an_attacks_chart_are_large_before_a_room(runs: None, step: str) -> None:
    app = open_page("learn.py", step=step, present="1", reveal="1")
    for chart in app.get("plotly_chart"):
        layout = json.loads(chart.proto.spec)["layout"]
        sizes = {layout[axis]["tickfont"]["size"] for axis in ("xaxis", "yaxis")}
        sizes |= {layout["xaxis"]["title"]["font"]["size"], layout["legend"]["font"]["size"]}
        sizes |= {note["font"]["size"] for note in layout["annotations"]}
        assert sizes == {19}, sizes


def test_a_presenter_sees_the_audiences_answers_as_bars_and_is_not_counted(home: Home, runs: None) -> None:
    for voter, answer in (("a", 2), ("b", 2), ("c", 9)):
        count_answer(home, NAME, "class", answer, voter)
    app = open_page("learn.py", step="class", present="1")
    assert "**3** answers" in texts(app)
    app = app.button(key="reveal").click().run()
    assert "3 answers, without names" in texts(app)
    shown = [chart.proto.spec for chart in app.get("plotly_chart") if "20 to 30 %" in chart.proto.spec]
    assert len(shown) == 1
    open_page("learn.py", step="rounds", present="1")
    app = lock_in(choose(open_page("learn.py", step="rounds", present="1"), f"guess_{NAME}_rounds", 0))
    assert counted_answers(home, NAME, "rounds") == {}
    app = open_page("learn.py", step="class", present="1")
    app.button(key="count_anew").click().run()
    assert counted_answers(home, NAME, "class") == {}


def test_an_address_with_a_number_or_an_unknown_step_still_opens(runs: None) -> None:
    assert "A network that keeps quiet" in texts(open_page("learn.py", lesson=NAME, step="5"))
    assert "We delete a class" in texts(open_page("learn.py", step="nowhere"))
    assert "no lesson" in texts(open_page("learn.py", lesson="../etc"))


def test_a_lesson_that_cannot_be_read_is_named_and_the_others_stay(home: Home) -> None:
    own_folder(home).mkdir()
    (own_folder(home) / "broken.yaml").write_text("title: x\n")
    app = open_page("learn.py")
    assert "broken.yaml" in texts(app) and "We delete a class" in texts(app)


def test_the_sandbox_launches_what_was_chosen(home: Home) -> None:
    app = open_page("learn.py", step="sandbox")
    app.selectbox(key="try_forget").set_value("random:20").run()
    assert "output_filter" not in app.selectbox(key="try_method").options, "it is defined for classes alone"
    app.selectbox(key="try_method").set_value("gradient_ascent").run()
    app.selectbox(key="try_rounds").set_value(5).run()
    app = app.button(key="try_it").click().run()
    assert not app.exception
    (row,) = list_runs(home)
    spec = open_run(home, row.run_id).spec
    assert (spec.forget.select, spec.method.id, spec.max_rounds) == ("random:20", "gradient_ascent", 5)
    assert spec.stop.rule == "none"


def test_an_answer_is_graded_on_the_run_that_it_was_given_for(home: Home, runs: None) -> None:
    app = open_page("learn.py", step="verdict")
    shown = [group.key for group in app.get("button_group")]
    assert "shown_run_verdict" not in shown, "before the answer there is one run"
    app = lock_in(choose(app, f"guess_{NAME}_verdict", 0))
    assert "Not quite" in texts(app) or "What is right here" in texts(app)
    (pick,) = (group for group in app.get("button_group") if group.key == "shown_run_verdict")
    pick.set_value("filter").run()
    assert "Not quite" not in texts(app) and "asked of “A whole class is forgotten”" in texts(app)


def test_a_step_whose_run_is_missing_asks_of_one_that_is_here_and_says_why(home: Home) -> None:
    write_run(home, "filter-run", MadeUp(references=(0, 1), spec={"method": MethodSpec("output_filter")}))
    said = texts(open_page("learn.py", step="relearn"))
    assert f"no recorded run of “{LESSON.runs['pushed'].title}”" in said and "“The answer is only forbidden”" in said


def test_whoever_leaves_a_lesson_comes_back_to_the_same_step_and_alone_is_no_audience(home: Home, runs: None) -> None:
    app = open_page("learn.py", step="rounds")
    lock_in(choose(app, f"guess_{NAME}_rounds", 0))
    assert counted_answers(home, NAME, "rounds") == {}
    del app.query_params["step"]
    app = app.run()
    assert app.query_params["step"] == "rounds" and "Round by round" in texts(app)


def test_a_home_that_began_without_the_recorded_runs_has_them_when_the_lesson_opens(home: Home) -> None:
    write_run(home, "own", MadeUp())
    write_json(home.root / demo.MARKER, {"run_id": None, "time": 1.0})
    app = open_page("learn.py", step="filter")
    assert "Recorded on" in texts(app)
    assert sum(row.demo for row in list_runs(home)) == len(demo.shipped_zips(shipped_folder().parent / "demo"))
    for row in list_runs(home):
        delete(home, row.run_id)
    app = open_page("learn.py", step="filter")
    assert "No recorded run" in texts(app), "deleted on purpose"
    app = app.button(key="bring_back").click().run()
    assert "Recorded on" in texts(app)


def test_a_step_without_its_pictures_says_so_and_has_them_fetched(
    home: Home, runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "of the pictures that are to be forgotten" in texts(open_page("learn.py", step="samples"))
    shutil.rmtree(home.datasets)
    asked = []
    monkeypatch.setattr(background, "start_prepare", lambda spec, *_: asked.append(spec.dataset))
    app = open_page("learn.py", step="samples")
    assert "are not on this machine" in texts(app)
    app = app.button(key="part_samples_0_fetch").click().run()
    assert not app.exception and asked == ["digits"]
    assert "Measured" in texts(lock_in(app)), "the step goes on without"


def test_words_below_curves_count_the_pictures_behind_them(home: Home, runs: None) -> None:
    def said() -> str:
        return texts(open_page("learn.py", step="rounds", present="1", reveal="1"))

    assert "on all 40 pictures that are to be forgotten" in said()
    # The stopping rule has taken half of them.
    for path in (home.runs / "class-run" / "rounds").glob(f"*/{layout.MANIFEST}"):
        content = read_json(path)
        write_json(path, content | {"counts": content["counts"] | {"forget": 20}})
    assert "on 20 of the 40 pictures that are to be forgotten" in said()


def test_axes_say_what_a_student_knows(runs: None) -> None:
    shown = {metric for step in LESSON.steps for part in step.parts if part.part != "curves" for metric in part.metrics}
    assert shown <= set(OF_METRICS)
    for path in demo.shipped_zips(shipped_folder().parent / "demo"):
        with zipfile.ZipFile(path) as archive:
            claims = json.loads(archive.read("result.json"))["verdict"]["claims"]
        asked = {part.claim for step in LESSON.steps for part in step.parts if part.claim}
        decisive = {decisive_test(claim)["id"] for claim in claims if claim["id"] in asked}
        assert decisive <= set(OF_TESTS)
    drawn = figures(open_page("learn.py", step="class", present="1", reveal="1"))
    assert "Deleted pictures with the right answer" in drawn
