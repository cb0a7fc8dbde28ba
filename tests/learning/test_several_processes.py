"""Runs on several processes: the numbers of one process, and an end of all of them when one ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cu_core.base.files import read_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.jobs import submission
from cu_core.jobs.command import TORCHRUN
from cu_core.runstore import layout
from cu_core.runstore.rows import optional_json
from cu_core.runstore.state import RunState, read_state

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]
ALL = os.environ.get("CU_PARALLEL_TESTS") == "all"
FEW = ("train supervised", "train moco", "train simclr", "train byol", "contrastive class supervised")
FEW += ("contrastive sample supervised", "contrastive class moco", "finetune class supervised")
FEW += ("gradient_ascent class supervised", "gradient_penalty class supervised", "gradient_penalty class moco")
FEW += ("scrub class supervised", "l1_finetune class supervised", "retrain class moco")
PATIENCE = 500.0
# Sums in another order: 1e-7 in a step. Adam takes the sign of gradients that are nearly 0, and so makes more of it.
NEAR, NEAR_WITH_ADAM = 1e-4, 1e-2

needs_all = pytest.mark.skipif(not ALL, reason="set CU_PARALLEL_TESTS=all for the checks that take minutes")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    folder = tmp_path_factory.mktemp("parallel")
    program = Path(__file__).with_name("same_numbers.py")
    chosen = [] if ALL else FEW
    arguments = [program, folder / "home", folder / "answer.json", *chosen]
    options = ("--standalone", "--nproc-per-node=2", f"--log-dir={folder / 'torchrun'}")
    done = subprocess.run([*TORCHRUN, *options, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    found: dict[str, dict[str, float]] = json.loads((folder / "answer.json").read_text())
    return found


def test_two_processes_give_the_weights_of_one(answers: dict[str, dict[str, float]]) -> None:
    assert set(FEW) <= set(answers)
    for name, found in answers.items():
        assert found["divided"] > 0, f"{name}: no step was divided"
        assert found["apart"] < (NEAR_WITH_ADAM if name.startswith("clip_contrastive") else NEAR), name


def test_a_contrast_with_the_own_images_alone_would_be_seen(answers: dict[str, dict[str, float]]) -> None:
    assert answers["train simclr"]["own_images_only"] > 1000 * NEAR


def spec_of(rounds: int, **named: object) -> RunSpec:
    return spec_from_json(
        {
            "data": {"dataset": "digits", "train_limit": 200},
            "model": {"backbone": "tiny-cnn"},
            "train": {"epochs": 2, "lr": 0.05},
            "forget": {"select": "class:5"},
            "method": {"id": "contrastive", "params": {"lr": 1e-5}},
            "stop": {"rule": "none", "max_rounds": rounds, "collapse_drop": 1.0},
            "probe": {"size": 30, "tsne": False},
            "audit": {"attacks": "none"},
            "device": "cpu",
            "processes": 2,
            **named,
        }
    )


@pytest.fixture
def dispatch(home: Home) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        environment = os.environ | {"CU_HOME": str(home.root), "CU_SLOTS": "cpu:1"}
        command = (sys.executable, "-m", "cu_core", "dispatch", "--drain")
        started.append(subprocess.Popen(command, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    for process in all_of(home):
        process.kill()


def all_of(home: Home) -> list[psutil.Process]:
    """Every process that belongs to a run of this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CU_HOME") == str(home.root) and "--attempt" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def ranks(home: Home) -> dict[int, psutil.Process]:
    """The processes of the run by rank; torchrun itself has none."""
    found = {}
    for process in all_of(home):
        try:
            if (rank := process.environ().get("RANK")) is not None:
                found[int(rank)] = process
        except psutil.Error:
            continue
    return found


def until(wanted: Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline, f"never: {what}\n{log.read_text() if log.exists() else ''}"
        time.sleep(0.05)


def rounds_of(run_dir: Path) -> int:
    return max((n for n in layout.numbered(run_dir / "rounds")), default=-1)


def log_of(run_dir: Path) -> Path:
    return layout.attempt_dir(run_dir, max(layout.attempts(run_dir), default=1)) / layout.LOG


@pytest.mark.chaos
def test_a_killed_process_ends_the_attempt_and_a_cancel_ends_all_of_the_next(
    home: Home, dispatch: Callable[[], subprocess.Popen[bytes]]
) -> None:
    run_id = submission.submit(spec_of(5000), home)
    run_dir = home.runs / run_id
    dispatcher = dispatch()
    until(lambda: rounds_of(run_dir) >= 1, "two rounds", log_of(run_dir))
    first = ranks(home)
    assert sorted(first) == [0, 1]
    assert optional_json(layout.attempt_dir(run_dir, 1) / layout.PID)["pid"] == first[0].pid, "rank 0 records"
    first[1].kill()
    until(
        lambda: 2 in layout.attempts(run_dir),
        "a second attempt",
        log_of(run_dir),
    )
    assert not (layout.attempt_dir(run_dir, 1) / layout.OUTCOME).exists(), "a lost process is no outcome"
    recorded = rounds_of(run_dir)
    until(lambda: rounds_of(run_dir) > recorded, "rounds after the resume", log_of(run_dir))
    second = ranks(home)
    assert sorted(second) == [0, 1] and not {p.pid for p in first.values()} & {p.pid for p in second.values()}
    submission.cancel(home, run_id)
    assert dispatcher.wait(PATIENCE) == 0
    found: RunState = read_state(run_dir)
    assert (found.state, found.attempt) == ("cancelled", 2)
    until(lambda: not all_of(home), "the end of all processes", log_of(run_dir))
    assert "Traceback" not in log_of(run_dir).read_text(), "to be cancelled is no fault"


@needs_all
@pytest.mark.chaos
def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    home: Home, dispatch: Callable[[], subprocess.Popen[bytes]]
) -> None:
    whole, interrupted = (submission.submit(spec_of(12, name=name), home) for name in ("whole", "interrupted"))
    dispatcher = dispatch()
    run_dir = home.runs / interrupted
    until(lambda: rounds_of(run_dir) >= 3, "some rounds", log_of(run_dir))
    ranks(home)[0].kill()
    assert dispatcher.wait(PATIENCE) == 0
    states = [read_state(home.runs / run_id) for run_id in (whole, interrupted)]
    assert [(found.state, found.attempt) for found in states] == [("succeeded", 1), ("succeeded", 2)]
    results = [read_json(home.runs / run_id / layout.RESULT) for run_id in (whole, interrupted)]
    assert results[0]["weights_sha256"] == results[1]["weights_sha256"]
