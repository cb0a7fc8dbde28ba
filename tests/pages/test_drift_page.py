"""The drift page through the frame, on made-up runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.home import Home
from cu_core.runs.reader import open_run
from tests.madeup import MadeUp, finish, write_round, write_run
from tests.madeup_tsne import write_tsne

SHELL = Path(__file__).resolve().parents[2] / "pages" / "_shell.py"


def open_page(run: str | None = "madeup-1", **params: str) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=60)
    app.switch_page("drift.py")
    for name, value in (params | ({"run": run} if run else {})).items():
        app.query_params[name] = value
    return app.run()


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def text_of(app: AppTest) -> str:
    parts = [*app.caption, *app.markdown, *app.info, *app.warning, *app.error, *app.subheader]
    return "\n".join(str(element.value) for element in parts)


def test_a_finished_run_shows_map_fidelity_and_distances(home: Home) -> None:
    write_run(home)
    app = open_page()
    assert not app.exception and not app.error
    drift_map, lines = figures(app)
    assert [frame["name"] for frame in drift_map["frames"]] == ["0", "1", "2", "3", "4", "5"]
    assert drift_map["layout"]["sliders"][0]["active"] == 5
    assert {step["args"][1]["frame"]["redraw"] for step in drift_map["layout"]["sliders"][0]["steps"]} == {True}
    assert len(lines["data"]) == 18
    text = text_of(app)
    assert "Procrustes residual" in text and "leaves 31%" in text
    assert "do not read distances" in text
    assert "forget n = 40, retain n = 90, unseen n = 70" in text
    (table,) = app.dataframe
    assert list(table.value["round"]) == [0, 1, 2, 3, 4, 5]
    assert table.value["cosine forget"].iloc[0] == pytest.approx(1.0)
    assert table.value["euclidean forget"].is_monotonic_increasing


def test_every_chart_and_table_has_words_for_those_who_do_not_see_it(home: Home) -> None:
    write_run(home)
    app = open_page()
    for chart in app.get("plotly_chart"):
        assert len(chart.proto.alt) > 20
    assert app.dataframe[0].proto.alt


def test_without_reference_there_are_two_panes_and_a_hint(home: Home) -> None:
    write_run(home, made=MadeUp("random:40", references=()))
    app = open_page()
    titles = [a["text"] for a in figures(app)[0]["layout"]["annotations"]]
    assert len(titles) == 2
    assert "No reference was retrained" in text_of(app) and "Procrustes" not in text_of(app)


def test_the_reference_can_be_chosen_among_several(home: Home) -> None:
    write_run(home, made=MadeUp(references=(0, 3)))
    app = open_page()
    first = figures(app)[0]["data"]
    app.selectbox(key="reference").select(3).run()
    assert not app.exception
    assert figures(app)[0]["data"] != first


def test_the_address_may_name_the_round_to_start_with(home: Home) -> None:
    write_run(home)
    assert figures(open_page(round="2"))[0]["layout"]["sliders"][0]["active"] == 2
    assert figures(open_page(round="77"))[0]["layout"]["sliders"][0]["active"] == 5
    assert figures(open_page(round="abc"))[0]["layout"]["sliders"][0]["active"] == 5


def test_the_worst_round_is_named_when_it_is_not_the_one_shown(home: Home) -> None:
    write_run(home)
    assert "Worst: round 5" in text_of(open_page(round="1"))
    assert "Worst:" not in text_of(open_page())


def test_a_running_run_shows_its_rounds_so_far_and_new_ones_later(home: Home) -> None:
    made = MadeUp(state="running", rounds=2)
    run_dir = write_run(home, made=made)
    app = open_page()
    assert "Rounds 0 to 2 so far" in text_of(app)
    write_round(run_dir, made, open_run(home, "madeup-1").probe(), 3)
    app.run()
    assert [frame["name"] for frame in figures(app)[0]["frames"]] == ["0", "1", "2", "3"]
    finish(run_dir, "succeeded")
    app.run()
    assert not app.exception and "so far" not in text_of(app)


def test_images_that_are_not_here_are_announced(home: Home) -> None:
    write_run(home, made=MadeUp(images=False))
    app = open_page()
    assert not app.exception
    assert "images themselves are not on this machine" in text_of(app)


def test_a_cancelled_run_keeps_its_pictures(home: Home) -> None:
    write_run(home, made=MadeUp(state="cancelled", rounds=3, references=()))
    app = open_page()
    assert len(figures(app)) == 2 and not app.error


def test_an_empty_home_says_what_to_do(home: Home) -> None:
    app = open_page(run=None)
    assert not app.exception and not figures(app)
    assert "Nothing to look at yet" in text_of(app)


def test_a_wrong_address_is_explained(home: Home) -> None:
    write_run(home)
    app = open_page(run="no-such-run")
    assert not app.exception and not figures(app)
    assert "does not exist" in text_of(app)


def test_damage_to_round_0_is_said_in_words(home: Home) -> None:
    run_dir = write_run(home)
    (run_dir / "rounds" / "0" / "coordinates.npy").write_bytes(b"torn")
    app = open_page()
    assert not app.exception
    assert "missing or damaged" in text_of(app)


def test_damage_to_a_later_round_leaves_the_others_readable(home: Home) -> None:
    run_dir = write_run(home)
    (run_dir / "rounds" / "3" / "loss.npy").unlink()
    app = open_page()
    assert [frame["name"] for frame in figures(app)[0]["frames"]] == ["0", "1", "2", "4", "5"]


def test_tsne_is_offered_but_never_the_default(home: Home) -> None:
    rows = np.arange(0, 200, 4)
    places = write_tsne(write_run(home), rows=rows, rounds=[0, 2, 5], reference=0)
    app = open_page()
    assert app.get_by_key("projection").value == "pca"
    assert figures(app)[0]["layout"]["xaxis"]["title"]["text"] == "Principal axis 1"
    app.get_by_key("projection").set_value("tsne").run()
    assert not app.exception and not app.error
    drawn = figures(app)[0]
    assert [frame["name"] for frame in drawn["frames"]] == ["0", "2", "5"]
    assert len(drawn["layout"]["annotations"]) == 3
    assert "no unit" in drawn["layout"]["xaxis"]["title"]["text"]
    ranges = {tuple(drawn["layout"][axis]["range"]) for axis in ("xaxis", "xaxis2", "xaxis3")}
    assert len(ranges) == 1
    low, high = ranges.pop()
    assert low <= places[..., 0].min() and high >= places[..., 0].max()
    words = text_of(app)
    assert "Showing 50 of 200 recorded samples in rounds 0, 2, 5 and the reference (seed 0)" in words
    assert "12.5% of the picture's radius" in words and "4.0% are the same" in words
    assert words.count("Trustworthiness **") == 4 and "Variance on the two axes" not in words


def test_tsne_is_not_offered_where_there_is_none(home: Home) -> None:
    write_run(home)
    app = open_page()
    assert "projection" not in {control.key for control in app.get("button_group")}


def test_a_damaged_tsne_leaves_the_other_projection(home: Home) -> None:
    run_dir = write_run(home)
    write_tsne(run_dir, rows=np.arange(30), rounds=[0, 5], reference=None)
    (run_dir / "projection" / "tsne" / "coordinates.npy").write_bytes(b"torn")
    app = open_page()
    assert not app.exception and len(figures(app)) == 2
    problems = [str(problem) for problem in open_run(home, "madeup-1").damage()]
    assert any("projection/tsne" in problem for problem in problems)
