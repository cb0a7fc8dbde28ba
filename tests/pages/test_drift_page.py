"""The Drift page through the frame, on made-up runs: what the browser is given to draw, and what is said of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.figures.scene import CODES, read_header
from cu_core.metrics.boundary import logit_gap
from cu_core.projections import service
from cu_core.projections.draw import draw
from cu_core.projections.map_request import MapRequest
from cu_core.runstore.reader import open_run
from tests.madeup import MadeUp, finish, write_round, write_run
from tests.madeup_tsne import write_tsne
from tests.pages.page_helpers import open_page, texts


@pytest.fixture(autouse=True)
def nobody_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_start", lambda home: None)


def page(run: str | None = "madeup-1", **params: str) -> AppTest:
    return open_page("drift.py", **(params | ({"run": run} if run else {})))


def message(app: AppTest, part: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Header and parts of a packed message: the ``scene``, or who the ``row``s are."""
    for component in app.main.get("bidi_component"):
        packed = component.proto.bytes
        if not packed:
            continue
        header = read_header(packed)
        if part not in header["parts"]:
            continue
        start = 4 + int.from_bytes(packed[:4], "little")
        return header, {k: packed[start + at : start + at + size] for k, (at, size) in header["parts"].items()}
    raise AssertionError(f"nothing with {part} was sent")


def drawn(app: AppTest) -> tuple[dict[str, Any], np.ndarray]:
    """The scene's header and its coordinates (moments, samples, axes); NaN where nothing is drawn."""
    header, parts = message(app, "codes")
    shape = (len(header["moments"]), header["samples"], len(header["axes"]))
    codes = np.frombuffer(parts["codes"], "<u2").reshape(shape).astype(float)
    low, high = (np.array([axis[end] for axis in header["axes"]]) for end in ("low", "high"))
    return header, np.where(codes > CODES, np.nan, low + codes / CODES * (high - low))


def drawn_by(app: AppTest, name: str) -> dict[str, Any]:
    """What the component is given that alone has a value of that name."""
    found = [json.loads(c.proto.json) for c in app.main.get("bidi_component") if c.proto.json]
    (data,) = [data for data in found if name in data]
    return dict(data)


def viewer(app: AppTest) -> dict[str, Any]:
    return drawn_by(app, "alt")


def linked(app: AppTest) -> dict[str, Any]:
    """What the pictures and curves of the selection are given."""
    (found,) = [json.loads(c.proto.json) for c in app.main.get("bidi_component") if "signals" in c.proto.json[:400]]
    return dict(found)


def text_of(app: AppTest) -> str:
    return texts(app) + "\n".join(str(block.proto.body) for block in app.get("html"))


def test_the_first_view_is_exact(home: Home) -> None:
    write_run(home)
    app = page()
    assert not app.exception and not app.error
    header, places = drawn(app)
    assert header["view"] == "boundary" and not header["equal"]
    assert [m["number"] for m in header["moments"]] == [0, 1, 2, 3, 4, 5, None]
    view = open_run(home, "madeup-1")
    step = [(axis["high"] - axis["low"]) / CODES for axis in header["axes"]]
    for k in range(6):
        assert places[k, :, 0] == pytest.approx(view.array(k, "boundary"), abs=step[0])
        assert places[k, :, 1] == pytest.approx(view.array(k, "cosine_to_start"), abs=step[1])
    assert places[6, :, 0] == pytest.approx(view.reference_array(0, "boundary"), abs=step[0])
    assert places[6, :, 1] == pytest.approx(view.reference_array(0, "aligned_cosine"), abs=step[1])
    assert header["axes"][0]["mark"] == 0
    lowest = min(view.array(k, "cosine_to_start").min() for k in range(6))
    assert header["axes"][1]["high"] < 1.1 and lowest - 0.3 < header["axes"][1]["low"] < lowest
    text = text_of(app)
    assert "Exact: no projection" in text
    assert "leaves 31% of their spread unexplained" in text


def test_encoders_have_a_boundary_between_centroids(home: Home) -> None:
    write_run(home, made=MadeUp("random:40", objective="moco"))
    app = page()
    assert not app.exception
    header, places = drawn(app)
    view = open_run(home, "madeup-1")
    step = (header["axes"][0]["high"] - header["axes"][0]["low"]) / CODES
    assert places[3, :, 0] == pytest.approx(view.array(3, "boundary"), abs=step)
    assert "The plane half-way between" in text_of(app)


def test_older_runs_show_the_gap_of_the_logits(home: Home) -> None:
    write_run(home, made=MadeUp(older=True))
    app = page()
    assert not app.exception
    header, places = drawn(app)
    view = open_run(home, "madeup-1")
    want = logit_gap(view.array(4, "logits"), view.probe()["label"].to_numpy())
    step = (header["axes"][0]["high"] - header["axes"][0]["low"]) / CODES
    assert places[4, :, 0] == pytest.approx(want, abs=step)
    assert "logit" in header["axes"][0]["title"].lower()


def test_the_plane_of_two_classes_is_exact_across(home: Home) -> None:
    write_run(home)
    app = page()
    app.selectbox(key="pair_0").select(5).run()
    assert "Choose two different classes" in text_of(app)
    app.selectbox(key="pair_1").select(3).run()
    assert not app.exception
    header, places = drawn(app)
    assert header["view"] == "pair 5 3"
    view = open_run(home, "madeup-1")
    head = np.asarray(view.array(2, "head"), np.float64)
    embedding = np.asarray(view.array(2, "embedding"), np.float64)
    gap = (embedding @ head[:, :-1].T + head[:, -1])[:, [5, 3]]
    want = (gap[:, 0] - gap[:, 1]) / np.linalg.norm(head[5, :-1] - head[3, :-1])
    assert places[2, :, 0] == pytest.approx(want, abs=2e-3)
    assert "five" in header["axes"][0]["title"] and "three" in header["axes"][0]["title"]


def test_the_map_is_asked_for_and_principal_axes_stand_in(home: Home) -> None:
    write_run(home)
    app = page(view="Map")
    assert not app.exception
    header, places = drawn(app)
    assert header["view"] == "preview" and header["equal"]
    view = open_run(home, "madeup-1")
    step = (header["axes"][0]["high"] - header["axes"][0]["low"]) / CODES
    assert places[3] == pytest.approx(view.array(3, "coordinates"), abs=step)
    assert "until the picture asked for is there" in text_of(app)
    assert len(list(service.queue(home).iterdir())) == 1
    app.run()
    assert len(list(service.queue(home).iterdir())) == 1


@pytest.mark.parametrize(("query", "method"), [({"view": "Linear"}, "principal"), ({"view": "Map"}, "reference-map")])
def test_a_stored_picture_is_drawn_with_its_fidelity(home: Home, query: dict[str, str], method: str) -> None:
    write_run(home)
    draw(home, MapRequest("madeup-1", method=method))
    app = page(**query)
    assert not app.exception and not app.error
    assert not service.queue(home).exists()
    header, places = drawn(app)
    picture = json.loads((MapRequest("madeup-1", method=method).folder(home) / "manifest.json").read_text())
    assert [axis["title"] for axis in header["axes"]] == picture["axes"]
    assert np.isfinite(places).all()
    text = text_of(app)
    assert f"{picture['fidelity']['displacement_rank_correlation']:.2f}" in text
    assert "do not read distances" in text or "distances" in text
    assert "best rotation onto round 0" in text


def test_a_picture_that_cannot_be_drawn_says_why_and_can_be_tried_again(home: Home) -> None:
    write_run(home)
    request = MapRequest("madeup-1")
    path = service.failure(home, request)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"message": "the disk is full", "seen": 6}))
    app = page(view="Map")
    assert "the disk is full" in app.error[0].value
    app.button(key="draw_again").click().run()
    assert not app.error and not app.exception
    path.write_text(json.dumps({"message": "the disk is full", "seen": 6}))
    draw(home, request)
    assert not page(view="Map").error, "it was drawn since"


def test_two_runs_stand_on_the_same_axes(home: Home) -> None:
    write_run(home)
    write_run(home, "madeup-2", MadeUp(rounds=2))
    write_run(home, "madeup-3", MadeUp("random:40"))
    app = page()
    options = app.selectbox(key="beside").options
    assert len(options) == 2 and "madeup-2" in options[1]
    app.selectbox(key="beside").select("madeup-2").run()
    assert not app.exception
    header, places = drawn(app)
    assert [m["kind"] for m in header["moments"]] == ["round"] * 6 + ["reference"] + ["other"] * 3
    other = open_run(home, "madeup-2")
    step = (header["axes"][0]["high"] - header["axes"][0]["low"]) / CODES
    assert places[9, :, 0] == pytest.approx(other.array(2, "boundary"), abs=step)


def test_a_reference_can_be_chosen_among_several(home: Home) -> None:
    write_run(home, made=MadeUp(references=(0, 3)))
    app = page()
    _, first = drawn(app)
    app.selectbox(key="reference").select(3).run()
    assert not app.exception
    assert (drawn(app)[1][6] != first[6]).any()


def test_without_reference_there_is_none_and_a_hint(home: Home) -> None:
    write_run(home, made=MadeUp("random:40", references=()))
    app = page()
    assert {m["kind"] for m in drawn(app)[0]["moments"]} == {"round"}
    assert "No reference was retrained" in text_of(app)


def test_the_address_may_name_the_round_to_start_with(home: Home) -> None:
    write_run(home)
    for asked, shown in (("2", 2), ("77", 5), ("abc", 5)):
        assert viewer(page(round=asked))["shown"] == shown


def test_a_running_run_shows_its_rounds_so_far_and_new_ones_later(home: Home) -> None:
    made = MadeUp(state="running", rounds=2)
    run_dir = write_run(home, made=made)
    app = page()
    assert "Rounds 0 to 2 so far" in text_of(app)
    write_round(run_dir, made, open_run(home, "madeup-1").probe(), 3)
    app.run()
    assert [m["number"] for m in drawn(app)[0]["moments"] if m["kind"] == "round"] == [0, 1, 2, 3]
    finish(run_dir, "succeeded")
    app.run()
    assert not app.exception and "so far" not in text_of(app)


def test_rounds_that_are_not_on_the_map_yet_are_asked_for_and_left_out(home: Home) -> None:
    made = MadeUp(state="running", rounds=2)
    run_dir = write_run(home, made=made)
    draw(home, MapRequest("madeup-1", method="principal"))
    write_round(run_dir, made, open_run(home, "madeup-1").probe(), 3)
    app = page(view="Linear")
    assert not app.exception
    places = drawn(app)[1]
    assert np.isnan(places[3]).all() and np.isfinite(places[2]).all()
    assert len(list(service.queue(home).iterdir())) == 1
    draw(home, MapRequest("madeup-1", method="principal"))
    (waiting,) = service.queue(home).iterdir()
    waiting.unlink()
    app = page(view="Linear")
    assert np.isfinite(drawn(app)[1][3]).all()
    assert "placed on it without moving a point" in text_of(app)
    app.button(key="refit").click().run()
    (waiting,) = service.queue(home).iterdir()
    assert json.loads(waiting.read_text())["refit"] is True


def test_a_selection_reaches_the_viewer_and_the_charts(home: Home) -> None:
    write_run(home)
    app = page()
    assert viewer(app)["selected"] == linked(app)["selected"] == []
    assert "the charts below are of all forget samples" in text_of(app)
    app.button(key="pick_largest-movers").click().run()
    assert not app.exception
    sent = viewer(app)
    moved = np.asarray(open_run(home, "madeup-1").array(5, "moved"))
    count = len(sent["selected"])
    assert 0 < count < len(moved)
    assert np.sort(moved[sent["selected"]]) == pytest.approx(np.sort(moved)[-count:])
    assert sent["revision"] == 1
    assert {k: linked(app)[k] for k in ("selected", "revision")} == {k: sent[k] for k in ("selected", "revision")}
    assert linked(app)["messages"].items() >= {k: sent["messages"][k] for k in ("samples", "sprite")}.items()


def test_of_a_selection_the_address_tells_somebody_else(home: Home) -> None:
    write_run(home)
    app = page()
    app.button(key="pick_largest-movers").click().run()
    link = {name: value for name, value in app.query_params.items() if name in ("run", "picked", "round")}
    other = page(**(link | {"round": "2"}))
    assert viewer(other)["selected"] == viewer(app)["selected"] and viewer(other)["shown"] == 2
    assert text_of(other).count("samples** selected: ") == 1
    other.button(key="pick_clear").click().run()
    assert "picked" not in other.query_params and viewer(other)["selected"] == []
    assert viewer(page(picked="no rows!"))["selected"] == []


def test_round_and_selection_go_along_to_other_pages_and_back(home: Home) -> None:
    write_run(home)
    write_run(home, "madeup-2")
    app = page(round="2", picked="0-4")
    for name in ("confidence", "similarity", "signals", "drift"):
        for parameter in list(app.query_params):
            del app.query_params[parameter]
        app.switch_page(f"{name}.py").run()
        assert not app.exception and app.query_params["picked"] == "0-4", name
        if name in ("confidence", "similarity"):
            assert app.select_slider(key="round").value == 2
    assert viewer(app)["shown"] == 2 and app.query_params["round"] == "2"
    app.query_params["run"] = "madeup-2"
    app.run()
    assert viewer(app)["run"] == "madeup-2" and viewer(app)["selected"] == [], "another run has rows of its own"


def test_full_space_and_events_are_told(home: Home) -> None:
    write_run(home, made=MadeUp(references=(0, 1)))
    assert "never crossed their boundary" in text_of(page(part="What happened when"))
    app = page(part="How far they moved")
    text = text_of(app)
    assert "two models differ that only differ by their seed" in text
    assert "never crossed their boundary" not in text, "only the open part is worked out"
    app.multiselect(key="drift_measures").set_value(["cosine"]).run()
    assert not app.exception and "How far samples turned" in text_of(app)
    app.multiselect(key="drift_measures").set_value([]).run()
    assert not app.exception and "Choose a measure" in text_of(app)


def test_every_chart_and_table_has_words_for_those_who_do_not_see_it(home: Home) -> None:
    write_run(home)
    drawn = 0
    for part in ("Table", "How far they moved", "What happened when"):
        app = page(part=part)
        for chart in app.get("plotly_chart"):
            assert len(chart.proto.alt) > 20
        for table in app.dataframe:
            assert table.proto.alt
        drawn += len(app.get("plotly_chart")) + len(app.dataframe)
        assert len(viewer(app)["alt"]) > 40
    assert drawn >= 5


def test_images_that_are_not_here_are_announced(home: Home) -> None:
    write_run(home, made=MadeUp(images=False))
    app = page()
    assert not app.exception
    assert "images themselves are not on this machine" in text_of(app)


def test_one_round_is_enough(home: Home) -> None:
    write_run(home, made=MadeUp(state="cancelled", rounds=1, references=()))
    app = page()
    assert not app.exception and not app.error
    assert len(drawn(app)[0]["moments"]) == 2


def test_an_empty_home_says_what_to_do(home: Home) -> None:
    app = page(run=None)
    assert not app.exception
    assert "Nothing to look at yet" in text_of(app)


def test_a_wrong_address_is_explained(home: Home) -> None:
    write_run(home)
    app = page(run="no-such-run")
    assert not app.exception and "does not exist" in text_of(app)


def test_damage_to_round_0_is_said_in_words(home: Home) -> None:
    run_dir = write_run(home)
    (run_dir / "rounds" / "0" / "coordinates.npy").write_bytes(b"torn")
    app = page()
    assert not app.exception
    assert "missing or damaged" in text_of(app)


def test_damage_to_a_later_round_leaves_the_others_readable(home: Home) -> None:
    run_dir = write_run(home)
    (run_dir / "rounds" / "3" / "loss.npy").unlink()
    assert [m["number"] for m in drawn(page())[0]["moments"]] == [0, 1, 2, 4, 5, None]


def test_tsne_of_outputs_stands_among_the_other_methods(home: Home) -> None:
    rows = np.arange(0, 200, 4)
    write_tsne(write_run(home), rows=rows, rounds=[0, 2, 5], reference=0)
    assert "t-SNE of the outputs" not in [tab.label for tab in page().tabs]
    app = page(view="Other methods", part="t-SNE of the outputs")
    assert not app.exception
    text = text_of(app)
    assert "50 of 200 recorded samples in rounds 0, 2, 5 and the reference (seed 0)" in text
    assert "12.5% of the picture's radius" in text and "4.0% are the same" in text
    (figure,) = [json.loads(c.proto.spec) for c in app.get("plotly_chart") if "t-SNE 1" in c.proto.spec]
    assert [frame["name"] for frame in figure["frames"]] == ["0", "2", "5"]


def test_a_damaged_tsne_is_left_out(home: Home) -> None:
    run_dir = write_run(home)
    write_tsne(run_dir, rows=np.arange(30), rounds=[0, 5], reference=None)
    (run_dir / "projection" / "tsne" / "coordinates.npy").write_bytes(b"torn")
    app = page(view="Other methods")
    assert not app.exception and "t-SNE of the outputs" not in [tab.label for tab in app.tabs]
