"""kill -9 at any moment, then resume: the final weights equal the uninterrupted run's, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cu_core.base.home import Home
from cu_core.runstore.layout import run_ids

pytestmark = pytest.mark.chaos

SPEC = [
    *("--dataset", "digits", "--model", "tiny-cnn", "--forget", "random:200", "--reference"),
    *("--set", "train.epochs=4", "--set", "stop.max_rounds=6", "--set", "stop.rule=none"),
    *("--set", "batch_size=32", "--set", "probe.size=300", "--set", "stop.collapse_drop=1"),
    *("--set", "audit.views=3", "--set", "audit.draws=50", "--set", "audit.size=30"),
    *("--set", "probe.tsne=false"),
]


def command(home, *words):
    environment = os.environ | {"CU_HOME": str(home.root), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "cu_core", *words, "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def result_of(process):
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    return json.loads(out.strip().splitlines()[-1])


def seen(home, run_id, phase, done):
    """Whether the run's progress has reached a point."""
    for path in (home.runs / run_id).glob("attempt-*/events.jsonl"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["phase"] == phase and event["done"] >= done:
                return True
    return False


MOMENTS = [("train", 2), ("unlearn", 3), ("reference", 1), ("audit", 9)]


@pytest.mark.always
def test_killed_once_and_resumed_equals_uninterrupted(tmp_path):
    compare_with_killed(tmp_path, MOMENTS[1:2], [*SPEC, "--set", "audit.attacks=none"])


def test_killed_in_each_phase_and_resumed_equals_uninterrupted(tmp_path):
    compare_with_killed(tmp_path, MOMENTS, SPEC)


def compare_with_killed(tmp_path, moments, spec):
    uninterrupted = result_of(command(Home(tmp_path / "whole"), "run", *spec))
    home = Home(tmp_path / "killed")
    process = command(home, "run", *spec)
    run_id, kills = "", 0
    for phase, done in moments:
        deadline = time.monotonic() + 250
        while process.poll() is None:
            assert time.monotonic() < deadline, f"{phase} {done} was not reached"
            run_id = run_id or next(iter(run_ids(home.runs)), "")
            if run_id and seen(home, run_id, phase, done):
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            # Near its end, it may have been faster than this process.
            break
        kills += 1
        process = command(home, "resume", run_id)
    assert kills
    result = result_of(process)
    assert result["weights_sha256"] == uninterrupted["weights_sha256"]
    assert result["metrics"] == uninterrupted["metrics"]
    assert result["attacks"] == uninterrupted["attacks"]
    assert bool(result["attacks"]) == (spec is SPEC)
    assert result["rounds"] == uninterrupted["rounds"]
