"""Which round was nearest to retraining, on the Run page; what is known of a verdict, in the launch form."""

from __future__ import annotations

from typing import Any

import pytest

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.figures.nearness_curve import LEAST, NearRounds, nearness_alt, nearness_curve
from cu_core.jobs import dispatcher
from pages._run.nearness_section import nearness_words, others_outside
from tests.madeup import MadeUp, write_dataset, write_run
from tests.pages.page_helpers import open_page, texts

NEAR: dict[str, Any] = {
    "rounds": [0, 1, 2, 3, 4, 5],
    "distance": [80.0, 12.5, 0.8, 0.001, 0.9, 1.5],
    "farthest": ["odds", "odds", "margin", "position", "odds", "odds"],
    "position": [1.0, 0.4, 0.1, 0.0, -0.05, -0.2],
    "nearest": 3,
    "inside": [2, 3, 4],
    "accuracy_rule": 1,
    "accuracy_rule_name": "class",
    "samples": 40,
    "references": 5,
}


def near(**changes: Any) -> NearRounds:
    found = NearRounds.from_result({"nearness": NEAR | changes})
    assert found is not None
    return found


def test_the_curve_has_the_band_both_stops_and_every_round() -> None:
    figure = nearness_curve(near())
    traces = {trace.name: trace for trace in figure.data}
    drawn = traces["Distance to retraining"]
    assert list(drawn.x) == NEAR["rounds"] and list(drawn.y) == [80.0, 12.5, 0.8, LEAST, 0.9, 1.5]
    assert drawn.customdata[3][0] == "0.001", "the hover tells the number itself"
    assert list(traces["Stop of the class rule, by accuracy"].x) == [1, 1]
    assert list(traces["Nearest round"].x) == [3] and max(traces["One more retrained model (95 % band)"].y) == 1
    assert "nearest is round 3" in nearness_alt(near()) and "class rule is met after 1" in nearness_alt(near())


def test_a_round_within_the_band_is_said_beside_what_lies_outside_of_its_own() -> None:
    far = near(distance=[80.0, 70.0, 60.0, 55.0, 65.0, 75.0])
    assert others_outside(near(), 0) == [] and others_outside(far, 4) == []
    assert "1 row of the table above lies outside" in others_outside(near(), 1)[0]
    assert "4 rows of the table above lie outside" in others_outside(near(), 4)[0]


def test_what_it_says_in_words() -> None:
    said = " ".join(nearness_words(near()))
    assert "is round 3, at 0.001 half widths; within the band lie rounds 2 to 4." in said
    assert (
        "class rule, which looks at accuracies, is met after round 1, at 12 half widths: accuracies say forgotten"
        in said
    )
    outside = near(distance=[80.0, 70.0, 60.0, 55.0, 65.0, 75.0], inside=[], accuracy_rule=None)
    assert "no round lies within" in nearness_words(outside)[0] and "never met" in nearness_words(outside)[1]
    before = near(distance=[0.5, 2.0, 3.0, 4.0, 5.0, 6.0], accuracy_rule_name=None, accuracy_rule=None)
    assert nearness_words(before) == [
        "Nearest to retraining is the model before unlearning (round 0), at 0.5 half widths."
    ]
    inside = near(accuracy_rule=4)
    assert "accuracies say forgotten" not in nearness_words(inside)[1]


def test_rounds_without_a_distance_are_left_out() -> None:
    found = near(distance=[80.0, None, 0.8, None, 0.9, 1.5])
    assert [point[0] for point in found.points] == [0, 2, 4, 5] and found.nearest == 2
    assert found.distance_at(1) is None
    assert NearRounds.from_result({"nearness": None}) is None and NearRounds.from_result({}) is None
    assert NearRounds.from_result({"nearness": NEAR | {"distance": []}}) is None


def write_near(home: Home, **changes: Any) -> None:
    path = write_run(home, "madeup-1", MadeUp(references=(0, 1, 2, 3, 4))) / "result.json"
    write_json(path, read_json(path) | {"nearness": NEAR | changes, "stopped_by": "like-reference_rule"})


def test_the_run_page_shows_it_and_how_to_take_the_round(home: Home) -> None:
    write_near(home)
    app = open_page("run.py", run="madeup-1")
    said = texts(app)
    assert "Which round was nearest to retraining" in said and "answers differ from retraining" in said
    assert "like-reference rule" in said and "were not kept" in said, "made-up rounds keep no weights"
    write_near(home, distance=[80.0, 12.5, 8.0, 3.0, 2.0, 1.5], inside=[])
    app = open_page("run.py", run="madeup-1")
    assert any("unlearnscope weights madeup-1 --of after" in code.value for code in app.code)


@pytest.mark.parametrize("told", [None, {}, NEAR | {"rounds": [0], "distance": [1.0]}])
def test_runs_without_it_say_nothing(home: Home, told: Any) -> None:
    path = write_run(home, "madeup-1", MadeUp()) / "result.json"
    write_json(path, read_json(path) | {"nearness": told})
    assert "nearest to retraining" not in texts(open_page("run.py", run="madeup-1"))


def test_the_launch_form_says_that_there_are_too_few_references(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: True)
    write_dataset(home, DataSpec())
    app = open_page("launch.py")
    app.get_by_key("new:reference").set_value(2).run()
    assert "need 5 references, and 2 are asked for" in texts(app)
    app.get_by_key("new:reference").set_value(5).run()
    assert "need 5 references" not in texts(app)
