"""Time left is derived from measured units, and unknown while nothing was measured."""

from __future__ import annotations

import pytest

from cu_core.engine import progress as progress_module
from cu_core.engine.progress import Progress


class Recorder:
    def __init__(self):
        self.events = []

    def event(self, phase, done, total, seconds_left=None, metrics=None, message=""):
        self.events.append((phase, done, total, seconds_left))


def test_time_left_from_measured_units(monkeypatch):
    clock = iter([0.0, 0.0, 2.0, 4.0, 100.0, 101.0])
    monkeypatch.setattr(progress_module.time, "perf_counter", lambda: next(clock))
    sink = Recorder()
    progress = Progress(sink, _tick=0.0)
    progress.plan("train", 3)
    progress.plan("unlearn", 10)
    assert progress.seconds_left() is None
    progress.start("train")
    progress.step("train")
    assert progress.seconds_left() is None  # unlearning was not measured and nobody guessed
    progress.works["unlearn"].rate = 0.5
    progress.step("train")
    assert sink.events[-1][:3] == ("train", 2, 3)
    assert sink.events[-1][3] == pytest.approx(1 * progress.works["train"].rate + 5)
    progress.finish("train")
    assert progress.seconds_left() == pytest.approx(5)


def test_first_measured_unit_replaces_a_guess(monkeypatch):
    clock = iter([0.0, 3.0])
    monkeypatch.setattr(progress_module.time, "perf_counter", lambda: next(clock))
    progress = Progress(Recorder(), _tick=0.0)
    progress.plan("unlearn", 4, rate=100.0)
    progress.start("unlearn")
    progress.step("unlearn")
    assert progress.seconds_left() == pytest.approx(9)
