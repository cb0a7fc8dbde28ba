"""The signal space through the frame, on made-up runs: what the browser is given to draw."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.figures.signal_cloud import CODES
from cu_core.runstore.reader import open_run
from pages._selection.selection_state import Picked
from pages._signals import board_section
from tests.madeup import CLASSES, MadeUp, finish, write_run
from tests.pages.page_helpers import drop, open_page, texts


def page(**params: str) -> AppTest:
    return open_page("signals.py", **({"run": "madeup-1"} | params))


def board(app: AppTest) -> dict[str, Any]:
    (component,) = app.main.get("bidi_component")
    return json.loads(component.proto.json)


def unpack(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def column(data: dict[str, Any], space: int, moment: int, axis: int) -> np.ndarray:
    """One signal of the drawn samples as the browser understands it."""
    packed = data["spaces"][space]
    ends = packed["axes"][axis]
    codes = unpack(packed["values"][moment], "<u2").reshape(-1, 3)[:, axis]
    stored = ends["low"] + codes / CODES * (ends["high"] - ends["low"])
    return 10**stored if ends["log"] else stored


@pytest.mark.parametrize("objective", ["supervised", "moco"])
def test_the_browser_gets_the_recorded_signals_of_every_moment(home: Home, objective: str) -> None:
    write_run(home, made=MadeUp(objective=objective, select="random:40"))
    data = board(page())
    view = open_run(home, "madeup-1")
    assert data["moments"] == [
        "Before (round 0)",
        *(f"Round {k}" for k in range(1, 5)),
        "After (round 5)",
        "Reference (retrained)",
    ]
    assert (data["reference"], data["shown"]) == (6, 5)
    rows = unpack(data["rows"], "<i4")
    top3 = "top3" if objective == "supervised" else "output_top3"
    for moment, arrays in [(3, lambda name: view.array(3, name)), (6, lambda name: view.reference_array(0, name))]:
        expected = [arrays(top3)[:, 0], arrays("two_view_cosine"), arrays("loss")]
        for axis, values in enumerate(expected):
            np.testing.assert_allclose(column(data, 0, moment, axis), np.asarray(values)[rows], rtol=1e-3, atol=2e-5)
        for axis in range(3):
            np.testing.assert_allclose(column(data, 1, moment, axis), np.asarray(arrays(top3))[rows, axis], atol=2e-5)
        np.testing.assert_array_equal(
            unpack(data["predicted"][moment], "<i2"), np.asarray(arrays("top3_class"))[rows, 0]
        )


def test_samples_come_group_by_group_without_those_of_the_stopping_rule(home: Home) -> None:
    write_run(home)
    app = page()
    data = board(app)
    assert [(g["id"], g["count"]) for g in data["groups"]] == [("forget", 40), ("retain", 90), ("unseen", 68)]
    probe = open_run(home, "madeup-1").probe().iloc[unpack(data["rows"], "<i4")]
    assert not probe["rule"].any()
    assert probe["group"].tolist() == ["forget"] * 40 + ["retain"] * 90 + ["unseen"] * 68
    np.testing.assert_array_equal(unpack(data["sample"], "<i4"), probe["sample"])
    np.testing.assert_array_equal(unpack(data["test"], "<u1"), probe["split"] == "test")
    np.testing.assert_array_equal(unpack(data["label"], "<i2"), probe["label"])
    assert data["classes"] == list(CLASSES)
    assert "2 recorded samples that the stopping rule looks at are left out" in texts(app)


def test_axes_are_named_with_units_and_by_what_the_probability_is_over(home: Home) -> None:
    write_run(home)
    titles = [axis["title"] for axis in board(page())["spaces"][0]["axes"]]
    assert titles == ["Top-1 probability", "Cosine of two views", "Cross-entropy of the label (nats)"]
    write_run(home, "encoder", MadeUp(objective="moco", select="random:40"))
    data = board(page(run="encoder"))
    titles = [axis["title"] for axis in data["spaces"][0]["axes"]]
    assert titles[0] == "Top-1 probability over the encoder's outputs"
    assert titles[2] == "MoCo loss of two views (nats)"
    assert data["spaces"][1]["title"] == "The three highest probabilities over the encoder's outputs"


def test_switches_and_round_come_from_the_address_and_leave_the_content_alone(home: Home) -> None:
    write_run(home)
    app = page(round="2", log_loss="false")
    data = board(app)
    assert data["flat"], "panes of projections can be compared; a space is one click away"
    assert not data["log"] and data["shown"] == 2
    assert "Drag around samples to select them" in texts(app)
    app.toggle(key="deep").set_value(True).run()
    after = board(app)
    assert not after["flat"] and after["stamp"] == data["stamp"], "the browser keeps what it has decoded"
    assert "Drag to turn all panes together" in texts(app)


def test_images_are_those_of_the_drawn_samples(home: Home) -> None:
    write_run(home)
    data = board(page())
    assert base64.b64decode(data["png"])[1:4] == b"PNG" and data["columns"] == 50


def test_without_images_the_page_says_so(home: Home) -> None:
    write_run(home, made=MadeUp(images=False))
    app = page()
    assert board(app)["png"] is None and "shows text only" in texts(app)


def test_rounds_without_second_views_are_left_out_and_named(home: Home) -> None:
    write_run(home, made=MadeUp(views=(0, 2, 5)))
    app = page()
    assert board(app)["moments"][:3] == ["Before (round 0)", "Round 2", "After (round 5)"]
    assert "recorded in rounds 0, 2 and 5 only" in texts(app)


def test_without_any_second_views_only_the_probabilities_are_shown(home: Home) -> None:
    write_run(home)
    drop(home, "two_view_cosine")
    app = page()
    data = board(app)
    assert [space["title"] for space in data["spaces"]] == ["The three highest probabilities over classes"]
    assert len(data["moments"]) == 7 and "No round that can be shown has the cosine of two views" in texts(app)


def test_a_reference_without_second_views_is_empty_in_that_space(home: Home) -> None:
    run_dir = write_run(home)
    manifest = run_dir / "reference" / "0" / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["arrays"]["two_view_cosine"]
    Path(manifest).write_text(json.dumps(content))
    data = board(page())
    assert (unpack(data["spaces"][0]["values"][6], "<u2") == CODES + 1).all()
    assert (unpack(data["spaces"][1]["values"][6], "<u2") <= CODES).all()


def test_the_selection_of_the_session_is_drawn_and_listed(home: Home) -> None:
    write_run(home)
    app = page()
    (title,) = [s.value for s in app.header]
    assert not app.dataframe
    app.session_state["selection madeup-1"] = Picked(np.array([0, 3, 130]), 2, "Drift")
    app.run()
    assert not app.exception
    assert (board(app)["selected"], board(app)["revision"]) == ([0, 3, 130], 2)
    assert [s.value for s in app.header] == [title, "3 selected samples"]
    assert "2 forget and 1 unseen" in texts(app)
    table = app.dataframe[0].value
    view = open_run(home, "madeup-1")
    assert table["Sample"].tolist() == view.probe()["sample"].iloc[[0, 3, 130]].tolist()
    np.testing.assert_allclose(table["Loss after"], np.asarray(view.array(5, "loss"))[[0, 3, 130]])
    np.testing.assert_allclose(table["Cosine before"], np.asarray(view.array(0, "two_view_cosine"))[[0, 3, 130]])


def test_a_running_run_updates_itself_until_it_ends(home: Home) -> None:
    run_dir = write_run(home, made=MadeUp(state="running", references=()))
    app = page()
    assert "new rounds appear by themselves" in texts(app) and "No reference was retrained" in texts(app)
    assert board(app)["reference"] is None
    finish(run_dir, "cancelled")
    app.run()
    assert not app.exception and "new rounds appear" not in texts(app)


def test_of_two_classes_no_third_probability_is_drawn(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(home)
    monkeypatch.setattr(board_section, "class_names", lambda *_: ("yes", "no"))
    app = page()
    assert [space["title"] for space in board(app)["spaces"]] == ["Probability, similarity and loss"]
    assert "there is no third to draw" in texts(app)
    drop(home, "two_view_cosine")
    app = page()
    assert [space["title"] for space in board(app)["spaces"]] == ["The three highest probabilities over classes"]
    assert "there is no third to draw" not in texts(app)
