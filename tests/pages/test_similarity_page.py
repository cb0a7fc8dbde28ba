"""The similarity page through the frame, on made-up runs."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.runstore.reader import open_run
from tests.madeup import MadeUp, finish, write_run
from tests.pages.page_helpers import drop, open_page, texts
from tests.written_arrays import write_array


def page(**params: str) -> AppTest:
    return open_page("similarity.py", **({"run": "madeup-1"} | params))


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


def means(figure: dict) -> dict[str, list[float]]:
    """Places of the dashed lines by group, panes from left to right."""
    found: dict[str, list[float]] = {}
    for trace in figure["data"]:
        if trace["line"].get("dash") == "dash":
            found.setdefault(trace["legendgroup"], []).append(float(numbers(trace["x"])[0]))
    return found


def test_members_and_non_members_before_after_and_in_the_reference(home: Home) -> None:
    write_run(home, made=MadeUp(objective="moco", select="random:40"))
    app = page()
    distribution, matrix = figures(app)
    for figure in (distribution, matrix):
        shown = titles(figure)
        assert "Before (round 0)" in shown[0] and "After (round 5)" in shown[1] and "Reference" in shown[2]
    assert {t["name"] for t in distribution["data"] if t["line"].get("dash") != "dash"} == {
        "Forget (n = 40)",
        "Unseen (n = 70)",
    }
    view = open_run(home, "madeup-1")
    groups = view.probe()["group"].to_numpy()
    lines = means(distribution)
    for pane, values in enumerate(
        (view.array(0, "two_view_cosine"), view.array(5, "two_view_cosine"), view.reference_array(0, "two_view_cosine"))
    ):
        for group in ("forget", "unseen"):
            assert lines[group][pane] == pytest.approx(np.asarray(values)[groups == group].mean(), abs=1e-6)
    table = app.dataframe[0].value
    assert table["gap"].tolist() == pytest.approx(
        [f - u for f, u in zip(lines["forget"], lines["unseen"], strict=True)]
    )
    for chart in app.get("plotly_chart"):
        assert len(chart.proto.alt) > 40


def test_retain_samples_are_shown_on_request_and_the_address_keeps_the_choice(home: Home) -> None:
    write_run(home)
    app = page(members="Forget and retain", cosine="Own-class centroid", round="3")
    (distribution, _) = figures(app)
    assert set(means(distribution)) == {"retain", "unseen"}, "all of the forget samples' class is gone"
    assert "Round 3" in titles(distribution)[1]
    assert titles(distribution)[-1] == "Cosine to the own class's centroid"


def test_another_round_changes_the_picture_but_not_bins_and_axes(home: Home) -> None:
    write_run(home, made=MadeUp(objective="simclr", select="random:40"))
    app = page()
    last = figures(app)
    app.select_slider(key="round").set_value(2).run()
    second = figures(app)
    for axis in ("xaxis", "yaxis"):
        assert second[0]["layout"][axis]["range"] == last[0]["layout"][axis]["range"]
    assert means(second[0])["forget"][1] != means(last[0])["forget"][1]
    assert second[1]["layout"]["coloraxis"]["cmin"] == last[1]["layout"]["coloraxis"]["cmin"]
    assert second[1]["data"][1]["z"] != last[1]["data"][1]["z"]


def test_only_encoders_offer_the_mean_over_pairs(home: Home) -> None:
    write_run(home)
    assert "pairs" not in page().segmented_control(key="cosine").options
    write_run(home, "encoder", MadeUp(objective="byol", select="random:40"))
    app = page(run="encoder", cosine="Mean over view pairs")
    view = open_run(home, "encoder")
    forget = (view.probe()["group"] == "forget").to_numpy()
    pairs = np.asarray(view.array(5, "pair_cosines"), dtype=np.float64)
    assert means(figures(app)[0])["forget"][1] == pytest.approx(pairs[forget].mean(), abs=1e-4)


def test_runs_without_recorded_centroid_cosines_show_the_same_from_their_embeddings(home: Home) -> None:
    write_run(home, made=MadeUp(select="random:40"))
    recorded = means(figures(page(cosine="Own-class centroid"))[0])
    drop(home, "own_centroid_cosine")
    app = page(cosine="Own-class centroid")
    computed = means(figures(app)[0])
    for group in ("forget", "unseen"):
        np.testing.assert_allclose(computed[group], recorded[group], atol=2e-3)


def test_a_cosine_of_few_rounds_says_which_one_is_shown(home: Home) -> None:
    write_run(home, made=MadeUp(views=(0, 2, 5)))
    app = page(round="4")
    assert "recorded in rounds 0, 2, 5; the latest up to round 4 is shown" in texts(app)
    assert "Round 2" in titles(figures(app)[0])[1]


def test_what_was_never_recorded_is_said(home: Home) -> None:
    write_run(home, made=MadeUp(views=()))
    drop(home, "two_view_cosine")
    app = page()
    assert "Two-view cosine was recorded in no round that can be shown" in texts(app)
    assert len(figures(app)) == 1, "the matrix is there"


def test_class_forgetting_has_one_row_without_a_frame_and_unseen_samples_have_all(home: Home) -> None:
    write_run(home)
    app = page()
    matrix = figures(app)[1]
    assert matrix["layout"]["yaxis"]["ticktext"] == ["five"]
    assert "five" not in matrix["layout"]["xaxis"]["labelalias"].values()
    assert "shapes" not in matrix["layout"]
    app.segmented_control(key="class_rows").set_value("unseen").run()
    matrix = figures(app)[1]
    assert len(matrix["layout"]["yaxis"]["ticktext"]) == 10
    assert len(matrix["layout"]["shapes"]) == 27, "nine retained classes framed in three panes"


def test_samples_of_the_stopping_rule_are_left_out(home: Home) -> None:
    write_run(home)
    app = page()
    assert "2 recorded samples that the stopping rule looks at are left out" in texts(app)
    assert "Unseen (n = 68)" in {t["name"] for t in figures(app)[0]["data"]}


def test_where_no_sample_has_a_centroid_the_page_says_so(home: Home) -> None:
    run_dir = write_run(home, made=MadeUp(references=()))
    for path in run_dir.glob("rounds/*/manifest.json"):
        manifest = read_json(path)
        name = "own_centroid_cosine"
        manifest["arrays"][name] = write_array(path.parent / f"{name}.npy", np.full(200, np.nan, np.float32))
        write_json(path, manifest)
    app = page(cosine="Own-class centroid")
    assert "there is no centroid to compare with" in texts(app)
    assert "No reference was retrained for this run" in texts(app)


def test_a_running_run_updates_itself_until_it_ends(home: Home) -> None:
    run_dir = write_run(home, made=MadeUp(state="running", references=()))
    app = page()
    assert "new rounds appear by themselves" in texts(app)
    finish(run_dir, "cancelled")
    app.run()
    assert not app.exception and "new rounds appear" not in texts(app)
