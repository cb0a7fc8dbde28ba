"""The plane of two classes over the states of one run or two: whose axis each state is drawn along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cu_core.analysis import scenes
from cu_core.analysis.scenes import Shown, pair_view
from cu_core.base.home import Home
from cu_core.metrics.boundary import ClassPlane
from cu_core.runstore.reader import RunView, open_run
from tests.madeup import MadeUp, write_run

CLASSES = tuple("abcdefghij")


@pytest.fixture
def shown(home: Home) -> Shown:
    for name in ("one", "two"):
        write_run(home, name, MadeUp(rounds=1, references=(0,)))
    one, two = (open_run(home, name) for name in ("one", "two"))
    return Shown(one, one.rounds(), 0, two, 1000, CLASSES)


def test_every_run_is_drawn_along_an_axis_of_its_own(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int | None, Any]] = []

    def plane(view: RunView, number: int | None, seed: int | None, *classes: Any) -> ClassPlane:
        given = classes[2]
        asked.append((view.run_id, number, None if given is None else float(given[0])))
        own = np.array([1.0 if view.run_id == "one" else 2.0])
        values = np.zeros(len(view.probe()), np.float32)
        return ClassPlane(values, values, own if given is None else given, 0.5)

    monkeypatch.setattr(scenes, "_plane", plane)
    assert pair_view(shown, 0, 1) is not None
    assert asked == [("one", 0, None), ("one", 1, 1.0), ("one", None, None), ("two", 0, None), ("two", 1, 2.0)]


def test_a_second_run_without_a_plane_leaves_the_first_one_its_picture(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plane(view: RunView, *_: Any) -> ClassPlane | None:
        values = np.zeros(len(view.probe()), np.float32)
        return None if view.run_id == "two" else ClassPlane(values, values, np.ones(1), 0.5)

    monkeypatch.setattr(scenes, "_plane", plane)
    found = pair_view(shown, 0, 1)
    assert found is not None and found.explained == [0.5, 0.5, 0.5, None, None]
    assert [bool(np.isnan(places).all()) for places in found.scene.coordinates] == [False] * 3 + [True] * 2
    monkeypatch.setattr(scenes, "_plane", lambda *_: None)
    assert pair_view(shown, 0, 1) is None
