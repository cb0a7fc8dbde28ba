"""The scene as a figure: what it draws at every round, and how little a frame holds."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from cu_core.figures.scene import Scene, SceneAxis, SceneSamples, SceneState
from cu_core.figures.scene_figure import FEWER, scene_figure
from tests.figures.test_scene import samples_of

MOMENTS = (*(SceneState(f"Round {k}", k) for k in (0, 2, 5)), SceneState("Reference (retrained)", None, "reference"))


def made_up(count: int = 30, axes: int = 2, mark: float | None = None) -> tuple[Scene, SceneSamples]:
    rng = np.random.default_rng(0)
    ends = tuple(SceneAxis(f"Axis {name}", name, -5.0, 5.0, mark if name == "x" else None) for name in "xyz"[:axes])
    clouds = [rng.normal(size=(count, axes)).astype(np.float32) for _ in MOMENTS]
    return Scene("map", ends, MOMENTS, clouds, equal=True), samples_of(count, MOMENTS)


def test_panes_show_before_the_round_and_the_reference() -> None:
    scene, samples = made_up()
    figure = scene_figure(scene, samples, shown=2)
    assert [a.text for a in figure.layout.annotations][:2] == ["<b>Round 0</b>", "<b>Round 2</b>"]
    assert "Reference (retrained)" in figure.layout.annotations[2].text
    assert len(figure.data) == 9
    for pane, place in enumerate((0, 1, 3)):
        for trace in figure.data[3 * pane : 3 * pane + 3]:
            rows = np.asarray(trace.customdata) // 7
            np.testing.assert_array_equal(np.column_stack([trace.x, trace.y]), scene.coordinates[place][rows])
    groups = {trace.name.split()[0] for trace in figure.data if trace.showlegend}
    assert groups == {"Forget", "Retain", "Unseen"}
    assert len({trace.marker.symbol for trace in figure.data[:3]}) == 3, "colour alone tells the groups apart"


@pytest.mark.parametrize("axes", [2, 3])
def test_frames_hold_coordinates_alone_and_move_the_second_pane(axes: int) -> None:
    scene, samples = made_up(axes=axes)
    figure = scene_figure(scene, samples)
    assert [frame.name for frame in figure.frames] == ["0", "2", "5"]
    for place, frame in enumerate(figure.frames):
        assert frame.traces == (3, 4, 5)
        for trace, at in zip(frame.data, frame.traces, strict=True):
            held = set(trace.to_plotly_json()) - {"type"}
            assert held == set("xyz"[:axes])
            rows = np.asarray(figure.data[at].customdata) // 7
            np.testing.assert_array_equal(trace.x, scene.coordinates[place][rows, 0])
            assert np.asarray(trace.x).dtype == np.float32
    # A WebGL canvas keeps the old picture otherwise.
    steps = figure.layout.sliders[0].steps
    assert all(step.args[1]["frame"]["redraw"] for step in steps) and len(steps) == 3


def test_axes_are_fixed_and_the_guide_line_is_in_every_pane() -> None:
    scene, samples = made_up(mark=0.0)
    figure = scene_figure(scene, samples)
    ranges = {tuple(figure.layout[f"xaxis{k}"].range) for k in ("", 2, 3)}
    assert ranges == {(-5.3, 5.3)}
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0, 0)] * 3
    assert figure.layout.yaxis.scaleanchor == "x"
    deep, samples = made_up(axes=3)
    assert tuple(scene_figure(deep, samples).layout.scene2.zaxis.range) == (-5.3, 5.3)


def test_without_webgl_fewer_plain_marks_are_drawn_and_every_forget_sample_stays() -> None:
    scene, samples = made_up(FEWER + 900, axes=3)
    samples = samples_of(FEWER + 900, MOMENTS, group=np.where(np.arange(FEWER + 900) < 40, 0, 1))
    figure = scene_figure(scene, samples, webgl=False)
    assert {type(trace) for trace in figure.data} == {go.Scatter}
    drawn = {trace.name: len(trace.x) for trace in figure.data[:2]}
    assert drawn == {"Forget (n = 40)": 40, f"Retain (n = {FEWER + 860:,})": FEWER - 40}


def test_a_round_that_is_not_there_is_refused() -> None:
    scene, samples = made_up()
    with pytest.raises(ValueError):
        scene_figure(scene, samples, shown=3)


def test_samples_that_are_not_drawn_are_empty_in_the_file() -> None:
    scene, samples = made_up()
    scene.coordinates[0][0] = np.nan
    figure = scene_figure(scene, samples)
    assert np.isnan(figure.data[2].x[0]) and json.loads(figure.to_json())["data"]
