"""Scenes packed for the browser: read back by an own reader, byte by byte."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from cu_core.figures.scene import (
    Scene,
    SceneAxis,
    SceneSamples,
    SceneState,
    drawn_axes,
    pack_message,
    pack_samples,
    pack_scene,
    read_header,
    scene_alt,
)

AXES = (
    SceneAxis("Distance to the boundary", "Distance", -10.0, 30.0, 0.0, "decision boundary"),
    SceneAxis("Cosine", "cos", -1, 1),
)


def scene_of(coordinates: list[np.ndarray], **changes: Any) -> Scene:
    states = tuple(SceneState(f"Round {k}", k) for k in range(len(coordinates)))
    return Scene("boundary", changes.pop("axes", AXES), states, coordinates, **changes)


def samples_of(count: int, states: tuple[SceneState, ...], **changes: Any) -> SceneSamples:
    nothing = [np.full(count, np.nan) for _ in states]
    given: dict[str, Any] = {
        "row": np.arange(count) * 7,
        "sample": np.arange(count) + 100_000,
        "test": np.arange(count) % 2 == 1,
        "group": np.arange(count) % 3,
        "label": np.arange(count) % 4,
        "truth": np.arange(count) % 4,
        "classes": ("a", "b", "c", "d"),
        "states": states,
        "prediction": [np.arange(count) % 4 for _ in states],
        "top3_class": [np.zeros((count, 3), int) for _ in states],
        "top3": [np.full((count, 3), 0.25) for _ in states],
        "loss": nothing,
        "cosine": nothing,
        "boundary": nothing,
    }
    return SceneSamples(**given | changes)


def read(message: bytes, name: str, kind: str) -> np.ndarray:
    (size,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + size])
    start, length = header["parts"][name]
    assert (4 + size + start) % 8 == 0, "numbers cannot be read in place"
    return np.frombuffer(message, kind, length // np.dtype(kind).itemsize, 4 + size + start)


def test_positions_come_back_within_half_a_code() -> None:
    rng = np.random.default_rng(0)
    clouds = [rng.uniform([-10, -1], [30, 1], (200, 2)).astype(np.float32) for _ in range(3)]
    message = pack_scene(scene_of(clouds), [np.zeros(200, int)] * 3)
    codes = read(message, "codes", "<u2").reshape(3, 200, 2)
    for moment, cloud in enumerate(clouds):
        back = np.array([-10, -1]) + codes[moment] / 65534 * np.array([40, 2])
        # A code is a 65,534th of the axis.
        assert (np.abs(back - cloud) <= np.array([40, 2]) / 65534 / 2 * 1.001).all()


def test_equal_values_get_equal_codes_in_every_round() -> None:
    rng = np.random.default_rng(1)
    still = rng.normal(size=(50, 2)).astype(np.float32)
    other = rng.normal(size=(50, 2)).astype(np.float32)
    codes = read(pack_scene(scene_of([still, other, still]), [np.zeros(50, int)] * 3), "codes", "<u2").reshape(3, 50, 2)
    np.testing.assert_array_equal(codes[0], codes[2])
    assert (codes[0] != codes[1]).any()


def test_what_is_not_drawn_has_a_code_of_its_own_and_what_lies_beyond_is_drawn_at_the_end() -> None:
    cloud = np.array([[np.nan, 0.5], [np.inf, 0.5], [99.0, -7.0], [30.0, -1.0]], np.float32)
    codes = read(pack_scene(scene_of([cloud]), [np.zeros(4, int)]), "codes", "<u2").reshape(4, 2)
    assert codes[0, 0] == codes[1, 0] == 65535 and codes[0, 1] == codes[1, 1] == round(0.75 * 65534)
    assert codes[2].tolist() == codes[3].tolist() == [65534, 0]


@pytest.mark.parametrize(("axes", "most"), [(2, 8), (3, 10)])
def test_a_sample_takes_few_bytes_per_round(axes: int, most: int) -> None:
    count, rounds = 5000, 10
    ends = tuple(SceneAxis(name, name, -4, 4) for name in "xyz"[:axes])
    clouds = [np.zeros((count, axes), np.float32) for _ in range(rounds)]
    for classes in (10, 1000):
        predictions = [np.full(count, classes - 1) for _ in range(rounds)]
        message = pack_scene(scene_of(clouds, axes=ends), predictions)
        assert len(message) / count / rounds <= most
    assert len(message) > count * rounds * (2 * axes + 2), "something is missing"


@pytest.mark.parametrize(("classes", "kind", "unknown"), [(10, "u1", 255), (255, "u1", 255), (256, "<u2", 65535)])
def test_predictions_come_back_and_unknown_ones_are_marked(classes: int, kind: str, unknown: int) -> None:
    predicted = np.array([0, classes - 1, -1])
    message = pack_scene(scene_of([np.zeros((3, 2), np.float32)]), [predicted])
    assert read_header(message)["class_bytes"] == np.dtype(kind).itemsize
    assert read(message, "prediction", kind).tolist() == [0, classes - 1, unknown]


def test_strays_come_back_as_bits() -> None:
    rng = np.random.default_rng(2)
    strays = [rng.random(21) < 0.3 for _ in range(2)]
    scene = scene_of([np.zeros((21, 2), np.float32)] * 2, stray=strays)
    packed = read(pack_scene(scene, [np.zeros(21, int)] * 2), "stray", "u1").reshape(2, 3)
    for moment in range(2):
        back = [bool(packed[moment, i >> 3] & (1 << (i & 7))) for i in range(21)]
        assert back == strays[moment].tolist()


def test_maps_have_axes_of_one_length_around_their_middle() -> None:
    wide = (SceneAxis("x", "x", 0.0, 10.0), SceneAxis("y", "y", 4.0, 6.0))
    x, y = drawn_axes(scene_of([np.zeros((1, 2))], axes=wide, equal=True))
    assert (x.low, x.high, y.low, y.high) == (0, 10, 0, 10)
    x, y = drawn_axes(scene_of([np.zeros((1, 2))], axes=wide))
    assert (y.low, y.high) == (4, 6)
    flat = drawn_axes(scene_of([np.zeros((1, 2))], axes=(SceneAxis("x", "x", 3.0, 3.0), SceneAxis("y", "y", 1.0, 1.0))))
    assert all(axis.high > axis.low for axis in flat), "an axis without length cannot be drawn"


def test_details_come_back() -> None:
    states = (SceneState("Round 0", 0), SceneState("Reference", None, "reference"))
    loss = [np.array([0.125, np.nan, 2.5, 1e30]), np.array([1.0, 2.0, 3.0, -1e30])]
    samples = samples_of(4, states, loss=loss)
    message = pack_samples(samples)
    assert read(message, "row", "<i4").tolist() == [0, 7, 14, 21]
    assert read(message, "sample", "<i4")[-1] == 100_003
    assert read(message, "classes", "u1").reshape(2, 4)[0].tolist() == [0, 1, 2, 3]
    back = read(message, "loss", "<f2").reshape(2, 4).astype(float)
    np.testing.assert_array_equal(back[0, :3], [0.125, np.nan, 2.5])
    assert back[0, 3] == 65504 and back[1, 3] == -65504, "out of range of a half"
    header = read_header(message)
    assert header["classes"] == ["a", "b", "c", "d"]
    assert [group["symbol"] for group in header["groups"]] == ["x", "circle", "diamond"]


def test_predictions_are_found_by_moment_and_not_by_place() -> None:
    states = (SceneState("Round 0", 0), SceneState("Round 4", 4), SceneState("Reference (seed 1)", None, "reference"))
    samples = samples_of(2, states, prediction=[np.array([0, 0]), np.array([4, 4]), np.array([9, 9])])
    wanted = (states[2], SceneState("After (round 4)", 4), SceneState("Round 4 of the other run", 4, "other"))
    assert [p.tolist() for p in samples.predictions_at(wanted)] == [[9, 9], [4, 4], [-1, -1]]


def test_a_stamp_tells_other_content_apart() -> None:
    first = pack_message({"view": "a"}, {"x": np.arange(5)})
    assert read_header(first)["stamp"] == read_header(pack_message({"view": "a"}, {"x": np.arange(5)}))["stamp"]
    for header, content in (({"view": "b"}, np.arange(5)), ({"view": "a"}, np.arange(1, 6))):
        assert read_header(first)["stamp"] != read_header(pack_message(header, {"x": content}))["stamp"]


def test_the_words_for_a_scene_say_groups_axes_and_rounds() -> None:
    scene = scene_of([np.zeros((6, 2), np.float32)] * 3)
    words = scene_alt(scene, samples_of(6, scene.states))
    assert (
        "2 forget, 2 retain and 2 unseen" in words and "Distance to the boundary" in words and "rounds up to 2" in words
    )
