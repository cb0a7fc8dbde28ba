"""Background work for a page: a real process, its progress, its failure in words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cu_core.base import detached
from cu_core.base.home import Home
from cu_core.base.process import identity
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec
from cu_core.data.memorisation import memorisation, read_scores
from cu_core.data.prepared import open_prepared
from cu_core.engine.estimate import known_speed
from cu_core.engine.setup import set_up
from cu_core.jobs import background, own_process

PATIENCE = 300.0


def wait_for_end(status: Callable[[], background.Background | None]) -> background.Background:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = status()
        assert found is not None
        if not found.working:
            return found
        time.sleep(0.1)
    raise AssertionError("the process did not end")


def test_a_dataset_is_prepared_by_another_process(home: Home) -> None:
    spec = DataSpec(label_noise=0.1)
    assert background.prepare_status(spec, home) is None
    assert open_prepared(spec, home) is None
    background.start_prepare(spec, home)
    found = wait_for_end(lambda: background.prepare_status(spec, home))
    assert found.error is None
    assert found.done == found.total > 0
    data = open_prepared(spec, home)
    assert data is not None and len(data.mislabelled) > 0


def test_labels_are_scored_by_another_process_as_a_run_would_score_them(home: Home) -> None:
    spec = DataSpec(label_noise=0.1)
    background.start_prepare(spec, home, "memorised:130")
    assert background.prepare_status(spec, home) is None, "the images alone are another piece of work"
    found = wait_for_end(lambda: background.prepare_status(spec, home, "memorised:7"))
    assert found.error is None and found.message == "looking for samples that must be memorised"
    data = open_prepared(spec, home)
    assert data is not None
    kept = read_scores(home.scores, data)
    assert kept is not None
    np.testing.assert_allclose(kept.scores, memorisation(data).scores, atol=1e-4)
    run = RunSpec(data=spec, model=ModelSpec("tiny-cnn"), forget=ForgetSpec("memorised:130"), device="cpu")
    bench = set_up(run, home, lambda *_: None)
    np.testing.assert_array_equal(bench.forget.indices, kept.highest(130))
    assert np.isin(bench.forget.indices, data.mislabelled).mean() > 0.9


def test_a_failure_is_told_in_the_words_of_the_command(home: Home, tmp_path: Path) -> None:
    (tmp_path / "images" / "train" / "only").mkdir(parents=True)
    spec = DataSpec(dataset=f"folder:{tmp_path / 'images'}")
    background.start_prepare(spec, home)
    found = wait_for_end(lambda: background.prepare_status(spec, home))
    assert found.error is not None
    assert "Traceback" not in found.error and "bad input:" not in found.error


def test_a_few_steps_are_timed_by_another_process(home: Home) -> None:
    spec = RunSpec(model=ModelSpec("tiny-cnn"))
    background.start_measure(spec, home)
    found = wait_for_end(lambda: background.measure_status(spec, home))
    assert found.error is None
    speed = known_speed(spec, home)
    assert speed is not None and speed.seconds_per_image > 0 and speed.parameters > 0


@pytest.fixture
def folder(home: Home) -> Path:
    made = home.root / "background" / "work"
    made.mkdir(parents=True)
    return made


def test_progress_is_the_last_whole_line(folder: Path) -> None:
    (folder / own_process.PROCESS).write_text(json.dumps(identity()))
    lines = [{"done": k, "total": 9, "message": f"step {k}"} for k in range(4)]
    (folder / own_process.OUTPUT).write_text("\n".join(map(json.dumps, lines)) + '\n{"done": 4, "tot')
    found = background._status(folder)
    assert found == background.Background(True, 3, 9, "step 3")


def test_a_process_that_vanished_is_no_endless_wait(folder: Path) -> None:
    (folder / own_process.PROCESS).write_text(json.dumps(identity() | {"started": 1.0}))
    (folder / own_process.OUTPUT).write_text('{"done": 1, "total": 9, "message": "x"}\n')
    (folder / own_process.COMPLAINT).write_text("prepare 1/9 x\nKilled\n")
    found = background._status(folder)
    assert not found.working and found.error == "Killed"
    (folder / own_process.COMPLAINT).write_text("")
    assert "without a word" in background._status(folder).error


def test_a_second_start_leaves_the_first_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    class Started:
        def __init__(self, words: list[str], **_: object) -> None:
            started.append(words)
            self.pid = identity()["pid"]

    monkeypatch.setattr(detached.subprocess, "Popen", Started)
    background.start_prepare(DataSpec(), home)
    background.start_prepare(DataSpec(), home)
    assert len(started) == 1
    background.start_prepare(DataSpec(label_noise=0.2), home)
    assert len(started) == 2
