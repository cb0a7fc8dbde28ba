"""The widgets that select and the charts that follow, drawn by a script of their own on made-up runs."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cu_core.analysis.picking import Course, preset
from cu_core.base.home import Home
from cu_core.figures.scene import read_header
from cu_core.runstore.reader import RunView, open_run
from pages._selection.selection_panel import course_of
from pages._selection.selection_state import Picked
from pages._selection.thumbnail_sheet import FRAME, TILE, sheet
from tests.madeup import MadeUp, image_of, write_run
from tests.pages.page_helpers import drop, texts

KEY = "selection madeup-1"


def script() -> None:
    import streamlit as st  # noqa: PLC0415 - runs as a file of its own

    from cu_core.runstore.reader import open_run  # noqa: PLC0415 - runs as a file of its own
    from pages._selection.selection_charts import linked_charts, selected_table  # noqa: PLC0415
    from pages._selection.selection_panel import selection_panel  # noqa: PLC0415
    from pages._shared.server_home import home  # noqa: PLC0415

    view = open_run(home(), "madeup-1")
    rounds, seeds = view.rounds(), view.references()
    shown = st.session_state.get("shown", rounds[-1])
    selection_panel(view, rounds, shown)
    linked_charts(view, rounds, seeds[0] if seeds else None, {})
    selected_table(view, rounds, shown, seeds[0] if seeds else None)


def opened() -> AppTest:
    app = AppTest.from_function(script, default_timeout=200).run()
    assert not app.exception, app.exception
    return app


def after(change: Any) -> AppTest:
    """The page after a change of a widget, or drawn again."""
    app: AppTest = change.run()
    assert not app.exception, app.exception
    return app


def rows(app: AppTest) -> list[int]:
    return app.session_state[KEY].rows.tolist() if KEY in app.session_state else []


@pytest.fixture
def view(home: Home) -> RunView:
    write_run(home)
    return open_run(home, "madeup-1")


def course(view: RunView) -> Course:
    return course_of(view, view.rounds())


def test_presets_tell_their_counts_and_select(view: RunView) -> None:
    app = opened()
    app.session_state["shown"] = 3
    after(app)
    expected = preset("forgotten", course(view), 3)
    assert 0 < len(expected) < 40, "the made-up run must forget some"
    button = app.button(key="pick_forgotten")
    assert button.label == f"Prediction changed ({len(expected)})"
    after(button.click())
    assert rows(app) == expected.tolist()
    assert app.session_state[KEY].revision == 1 and app.session_state[KEY].source == "Drift"
    assert f"**{len(expected)} samples** selected: {len(expected)} forget." in texts(app)
    # What is left of the preset and of its opposite is everything.
    app.segmented_control(key="pick_how").set_value("add").run()
    after(app.button(key="pick_not-forgotten").click())
    assert rows(app) == list(range(40))


def test_a_class_as_predicted_narrows_the_selection(view: RunView) -> None:
    app = opened()
    app.selectbox(key="pick_group madeup-1").select("retain").run()
    app.selectbox(key="pick_class madeup-1").select(2).run()
    app.selectbox(key="pick_predicted madeup-1").select(2).run()
    probe, predicted = view.probe(), np.asarray(view.array(5, "top3_class"))[:, 0]
    expected = np.flatnonzero((probe["group"] == "retain") & (probe["label"] == 2) & (predicted == 2))
    button = app.button(key="pick_matching")
    assert button.label == f"Select these ({len(expected)})" and len(expected)
    after(button.click())
    assert rows(app) == expected.tolist()


def test_search_by_number_and_class_and_what_it_does_not_find(view: RunView) -> None:
    app = opened()
    sample = int(view.probe()["sample"][3])
    after(app.text_input(key="pick_search").set_value(f"train:{sample}, 100000"))
    assert rows(app) == [3] and "Not among the recorded samples: 100000." in texts(app)
    after(app.text_input(key="pick_search").set_value("s*e"))
    label = view.probe()["label"]
    assert rows(app) == np.flatnonzero(label == 7).tolist(), "of seven and six"
    after(app.text_input(key="pick_search").set_value("eleven"))
    assert "fits 'eleven'" in texts(app) and "zero; one" in texts(app)
    assert len(rows(app)) > 1, "what finds nothing changes nothing"


def test_invert_neighbours_and_clear(view: RunView) -> None:
    app = opened()
    after(app.text_input(key="pick_search").set_value(f"train:{int(view.probe()['sample'][3])}"))
    after(app.button(key="pick_near").click())
    embedding = np.asarray(view.array(5, "embedding"), np.float64)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    near = np.argsort(-(unit @ unit[3]))[:6]
    assert rows(app) == sorted(near.tolist())
    after(app.button(key="pick_invert").click())
    assert rows(app) == sorted(set(range(200)) - set(near.tolist()))
    after(app.button(key="pick_clear").click())
    assert rows(app) == [] and app.button(key="pick_clear").disabled
    assert "the charts below are of all forget samples" in texts(app)


def signals(app: AppTest) -> tuple[dict[str, Any], np.ndarray]:
    """Header and (signals, moments, samples) numbers of what the curves are drawn from."""
    for component in app.get("bidi_component"):
        message = component.proto.bytes
        if message and "values" in (header := read_header(message))["parts"]:
            start = 4 + int.from_bytes(message[:4], "little") + header["parts"]["values"][0]
            shape = (len(header["signals"]), len(header["moments"]), header["samples"])
            return header, np.frombuffer(message[start:], "<f2", count=int(np.prod(shape))).reshape(shape)
    raise AssertionError("no signals were sent")


def of_signal(app: AppTest, name: str) -> np.ndarray:
    header, values = signals(app)
    return values[[signal["id"] for signal in header["signals"]].index(name)]


def test_the_browser_has_every_signal_of_every_sample_in_every_round(view: RunView) -> None:
    app = opened()
    header, _ = signals(app)
    assert [moment["number"] for moment in header["moments"]] == [0, 1, 2, 3, 4, 5, None]
    for name in ("loss", "cosine_to_start", "boundary"):
        recorded = np.stack([np.asarray(view.array(k, name)) for k in range(6)])
        np.testing.assert_allclose(of_signal(app, name)[:6], recorded, rtol=2e-3, atol=1e-4)
    top1 = np.asarray(view.reference_array(0, "top3"))[:, 0]
    np.testing.assert_allclose(of_signal(app, "top3")[6], top1, rtol=2e-3)
    assert "in the retrained model" in texts(app)


def test_of_older_runs_the_gap_of_the_logits_stands_for_the_distance(home: Home, view: RunView) -> None:
    drop(home, "boundary")
    app = opened()
    logits, label = np.asarray(view.array(5, "logits"), np.float64)[:40], view.probe()["label"].to_numpy()[:40]
    own = logits[np.arange(40), label]
    others = np.where(np.arange(10) == label[:, None], -np.inf, logits).max(1)
    np.testing.assert_allclose(of_signal(app, "boundary")[5, :40], own - others, rtol=2e-3, atol=1e-3)
    assert "Logit gap now" in app.dataframe[0].value


def test_the_table_tells_what_became_of_each_sample(view: RunView) -> None:
    app = opened()
    app.session_state[KEY] = Picked(np.array([1, 50, 130]), 1, "Drift")
    table = after(app).dataframe[0].value
    probe = view.probe().iloc[[1, 50, 130]]
    assert table["Sample"].tolist() == probe["sample"].tolist() and table["Split"].tolist() == [
        "train",
        "train",
        "test",
    ]
    assert table["Group"].tolist() == ["Forget", "Retain", "Unseen"]
    np.testing.assert_allclose(table["Displacement"], np.asarray(view.array(5, "moved"))[[1, 50, 130]])
    relative = np.asarray(view.array(5, "moved_relative"))[[1, 50, 130]]
    np.testing.assert_allclose(table["Relative to neighbours"], relative)
    np.testing.assert_allclose(table["Loss before"], np.asarray(view.array(0, "loss"))[[1, 50, 130]])
    crossings = course(view).crossings()[[1, 50, 130]]
    assert table["First crossed in round"].fillna(-1).tolist() == crossings.tolist()


def ticked(places: list[int] | None = None) -> None:
    import streamlit as st  # noqa: PLC0415 - runs as a file of its own

    from cu_core.runstore.reader import open_run  # noqa: PLC0415
    from pages._selection import selection_charts as charts  # noqa: PLC0415
    from pages._selection.selection_state import selection_of  # noqa: PLC0415
    from pages._shared.server_home import home  # noqa: PLC0415

    view = open_run(home(), "madeup-1")
    if places is not None:
        # What Streamlit calls when the browser reports ticks.
        listed, before = charts.listed_rows(view)
        st.session_state["ticks"] = {"selection": {"rows": places}}
        charts.tick("madeup-1", "ticks", listed, before)
    charts.selected_table(view, view.rounds(), 5, None)
    st.session_state["now"] = selection_of(view).rows.tolist()


def test_ticking_lines_selects_them_and_the_table_stays(view: RunView) -> None:
    first = AppTest.from_function(ticked, default_timeout=200)
    first.session_state[KEY] = Picked(np.array([1, 50, 130]), 1, "Drift")
    samples = after(first).dataframe[0].value["Sample"].tolist()

    def tick(app: AppTest, places: list[int]) -> AppTest:
        again = AppTest.from_function(ticked, args=(places,), default_timeout=200)
        for key in (KEY, "ticked madeup-1"):
            if key in app.session_state:
                again.session_state[key] = app.session_state[key]
        return after(again)

    app = tick(first, [2, 0])
    assert app.session_state["now"] == [1, 130]
    assert app.dataframe[0].value["Sample"].tolist() == samples, "the line that is not ticked can be ticked next"
    app = tick(app, [])
    assert app.session_state["now"] == [1, 50, 130], "without a tick, what was selected before the first"
    again = AppTest.from_function(ticked, default_timeout=200)
    again.session_state["ticked madeup-1"] = app.session_state["ticked madeup-1"]
    again.session_state[KEY] = Picked(np.array([7]), 9, "Drift")
    assert len(after(again).dataframe[0].value) == 1, "a selection made elsewhere is listed anew"


def test_pictures_carry_number_and_frame() -> None:
    images = np.stack([image_of(k, test=False) for k in (3, 9, 12)])
    found = sheet(images, ["3", "9", "t12"], ["#D55E00", "#0072B2", "#009E73"])
    canvas = np.asarray(Image.open(io.BytesIO(found.png)))
    assert found.width == canvas.shape[1]
    across = TILE + 2 * FRAME + 4
    assert canvas[0, 0].tolist() == [0xD5, 0x5E, 0x00, 255] and canvas[0, across].tolist() == [0, 0x72, 0xB2, 255]
    tile = canvas[FRAME : FRAME + TILE, across + FRAME : across + FRAME + TILE, 0]
    np.testing.assert_array_equal(tile[3::6, 3::6], images[1, 0])
    assert (canvas[TILE + 2 * FRAME :, :, 3] > 0).any(), "the numbers below"


def test_of_an_encoder_its_own_loss_and_outputs_are_drawn(home: Home) -> None:
    write_run(home, made=MadeUp(objective="moco", select="random:40"))
    app = opened()
    view = open_run(home, "madeup-1")
    recorded = np.stack([np.asarray(view.array(k, "output_top3"))[:, 0] for k in range(6)])
    np.testing.assert_allclose(of_signal(app, "output_top3")[:6], recorded, rtol=2e-3)
    titles = [signal["axis"] for signal in signals(app)[0]["signals"]]
    assert titles[2:] == ["Of the encoder's outputs", "MoCo loss of two views (nats)"]
