"""The confidence page through the frame, on made-up runs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from tests.madeup import MadeUp, finish, write_run
from tests.pages.page_helpers import drop

SHELL = Path(__file__).resolve().parents[2] / "pages" / "_shell.py"


def open_page(run: str | None = "madeup-1", **params: str) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=200)
    app.switch_page("confidence.py")
    for name, value in (params | ({"run": run} if run else {})).items():
        app.query_params[name] = value
    return app.run()


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def numbers(value) -> np.ndarray:
    """An array of a figure, whichever way Plotly wrote it."""
    if isinstance(value, dict):
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return array.reshape([int(n) for n in value["shape"].split(",")]) if "shape" in value else array
    return np.array(value, dtype=float)


def titles(figure: dict) -> list[str]:
    return [a["text"].replace("<br>", " ") for a in figure["layout"]["annotations"] if "text" in a]


def text_of(app: AppTest) -> str:
    parts = [*app.caption, *app.markdown, *app.info, *app.warning, *app.error, *app.header]
    return "\n".join(str(element.value) for element in parts)


def test_a_finished_run_shows_before_after_and_reference(home: Home) -> None:
    write_run(home)
    app = open_page()
    assert not app.exception and not app.error
    distribution, matrix = figures(app)
    for figure in (distribution, matrix):
        shown = titles(figure)
        assert "Before (round 0)" in shown[0] and "After (round 5)" in shown[1] and "Reference" in shown[2]
    for chart in app.get("plotly_chart"):
        assert len(chart.proto.alt) > 20


def test_without_recorded_predictions_the_distributions_are_shown_alone(home: Home) -> None:
    write_run(home)
    drop(home, "top3_class")
    app = open_page()
    assert not app.exception and not app.error
    assert "Predicted classes were not recorded in this run." in text_of(app)
    assert len(figures(app)) == 1


def test_a_round_without_predictions_is_left_out_of_the_matrices(home: Home) -> None:
    write_run(home)
    for path in (home.runs / "madeup-1").glob("r*/*5/manifest.json"):
        manifest = read_json(path)
        manifest["arrays"].pop("top3_class")
        write_json(path, manifest)
    app = open_page()
    assert not app.exception and not app.error
    _, matrix = figures(app)
    assert [title for title in titles(matrix) if "round" in title.lower()] == ["<b>Before (round 0)</b>"]


def test_samples_of_the_stopping_rule_are_left_out(home: Home) -> None:
    write_run(home)
    app = open_page()
    names = {t["name"] for t in figures(app)[0]["data"]}
    rule_rows = 2
    assert names == {"Forget (n = 40)", "Retain (n = 90)", f"Unseen (n = {70 - rule_rows})"}
    assert f"{rule_rows} recorded samples that the stopping rule looks at are left out" in text_of(app)


def test_another_round_changes_the_picture_but_not_bins_and_axes(home: Home) -> None:
    write_run(home)
    app = open_page()
    last = figures(app)[0]
    app.select_slider(key="round").set_value(2).run()
    second = figures(app)[0]
    assert "Round 2" in titles(second)[1]
    for axis in ("xaxis", "yaxis"):
        assert second["layout"][axis]["range"] == last["layout"][axis]["range"]
    np.testing.assert_array_equal(numbers(second["data"][0]["x"]), numbers(last["data"][0]["x"]))
    forget = [numbers(f["data"][3]["y"]) for f in (last, second)]
    assert not np.array_equal(*forget)


def test_the_address_keeps_round_and_signal(home: Home) -> None:
    write_run(home)
    figure = figures(open_page(round="3", signal="Loss"))[0]
    assert "Round 3" in titles(figure)[1]
    assert "nats" in titles(figure)[-1]


@pytest.mark.parametrize("signal", ["probability", "margin", "loss", "views"])
def test_every_signal_has_shares_that_sum_to_one(home: Home, signal: str) -> None:
    write_run(home)
    app = open_page()
    app.segmented_control(key="signal").set_value(signal).run()
    assert not app.exception
    data = figures(app)[0]["data"]
    assert len(data) == 9
    for trace in data:
        assert numbers(trace["y"])[:-1].sum() == pytest.approx(1.0)


def test_the_loss_axis_can_be_linear(home: Home) -> None:
    write_run(home)
    app = open_page(signal="Loss")
    assert figures(app)[0]["layout"]["xaxis"]["type"] == "log"
    app.toggle(key="log_axis").set_value(False).run()
    assert figures(app)[0]["layout"]["xaxis"]["type"] == "linear"


def test_small_multiples_have_a_row_per_group(home: Home) -> None:
    write_run(home)
    app = open_page()
    assert len({t["yaxis"] for t in figures(app)[0]["data"]}) == 3
    app.segmented_control(key="layout").set_value("panes").run()
    assert len({t["yaxis"] for t in figures(app)[0]["data"]}) == 9


def test_a_signal_of_few_rounds_says_which_one_is_shown(home: Home) -> None:
    write_run(home, made=MadeUp(views=(0, 2, 5)))
    app = open_page(round="4", signal="Two-view cosine")
    assert "recorded in rounds 0, 2, 5; the latest up to round 4 is shown" in text_of(app)
    assert "Round 2" in titles(figures(app)[0])[1]


def test_a_signal_that_was_never_recorded_is_said(home: Home) -> None:
    write_run(home, made=MadeUp(views=(), references=()))
    app = open_page(signal="Two-view cosine")
    assert not app.exception
    assert "was recorded in no round that can be shown" in text_of(app)


def test_matrix_counts_what_forget_samples_are_taken_for(home: Home) -> None:
    write_run(home)
    matrix = figures(open_page())[1]
    before, after = (numbers(trace["z"]) for trace in matrix["data"][:2])
    assert list(matrix["data"][0]["y"]) == ["five"]
    assert np.nansum(before) == np.nansum(after) == 40
    assert before[0, 5] == 40 and np.isnan(after[0, 5]) and after[0, 8] == 40


def test_matrix_of_all_samples_without_the_diagonal(home: Home) -> None:
    write_run(home)
    app = open_page()
    app.segmented_control(key="samples").set_value("all").run()
    assert np.nansum(numbers(figures(app)[1]["data"][0]["z"])) == 198
    app.toggle(key="hide_correct").set_value(True).run()
    before, after = (numbers(trace["z"]) for trace in figures(app)[1]["data"][:2])
    assert np.isnan(before).all() and after[5, 8] == 40
    assert figures(app)[1]["layout"]["coloraxis"]["cmax"] == 40


def test_rows_can_be_labels_where_labels_were_replaced(home: Home) -> None:
    write_run(home, made=MadeUp("mislabelled"))
    app = open_page()
    true = numbers(figures(app)[1]["data"][0]["z"])
    app.segmented_control(key="rows").set_value("label").run()
    label = numbers(figures(app)[1]["data"][0]["z"])
    # Before unlearning the made-up model has learnt the wrong labels.
    assert not np.nan_to_num(np.diag(true)).any()
    assert np.nansum(np.diag(label)) == 40


def test_no_choice_of_rows_where_labels_are_true(home: Home) -> None:
    write_run(home)
    assert "rows" not in {control.key for control in open_page().segmented_control}


def test_class_numbers_stand_in_for_names_that_are_not_here(home: Home) -> None:
    write_run(home, made=MadeUp(images=False))
    matrix = figures(open_page())[1]
    assert list(matrix["data"][0]["y"]) == ["5"]


def test_a_single_round_needs_no_slider(home: Home) -> None:
    write_run(home, made=MadeUp(rounds=1))
    app = open_page()
    assert not app.exception and not app.select_slider
    assert "After (round 1)" in titles(figures(app)[0])[1]


def test_a_running_run_is_followed_until_it_ends(home: Home) -> None:
    run_dir = write_run(home, made=MadeUp(state="running", rounds=2, references=()))
    app = open_page()
    assert "Rounds 0 to 2 so far" in text_of(app)
    finish(run_dir, "cancelled")
    app.run()
    assert not app.exception and "so far" not in text_of(app)


def test_an_empty_home_says_what_to_do(home: Home) -> None:
    app = open_page(run=None)
    assert not app.exception and not figures(app)
    assert "Nothing to look at yet" in text_of(app)


def test_damage_to_round_0_is_said_in_words(home: Home) -> None:
    run_dir = write_run(home)
    (run_dir / "rounds" / "0" / "top3.npy").unlink()
    app = open_page()
    assert not app.exception
    assert "missing or damaged" in text_of(app)
