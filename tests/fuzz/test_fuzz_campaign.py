"""A small part of the campaign of hostile input; what it must find, it finds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from benchmarks import fuzz_campaign
from benchmarks.fuzz_campaign import judge
from cu_core.base.errors import BadInput
from cu_core.catalogue.spec import spec_from_json
from tests.fuzz.profile import EXAMPLES

ROOT = Path(__file__).resolve().parent.parent.parent


def test_no_input_ends_in_a_traceback_or_takes_long(python_env: dict[str, str]) -> None:
    """In a process of its own, since the door decides once for a process whether it is shared."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz_campaign", f"--inputs={150 * EXAMPLES}", "--seed=1"],
        cwd=ROOT,
        env=python_env | {"HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0 and "findings: 0" in done.stdout, done.stdout[-5000:] + done.stderr[-2000:]
    assert "seed 1" in done.stdout and "slowest: " in done.stdout


def test_tracebacks_slow_inputs_and_endless_ones_are_findings(monkeypatch) -> None:
    monkeypatch.setattr(fuzz_campaign, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(fuzz_campaign, "GIVEN_UP_SECONDS", 2.0)

    def raising(rng: Random) -> None:
        raise KeyError("x")

    def endless(rng: Random) -> None:
        while True:
            pass

    def refusing(rng: Random) -> None:
        raise BadInput("field", "no")

    def slow(rng: Random) -> None:
        started = time.process_time()
        while time.process_time() - started < 0.1:
            pass

    kinds = {"raises": raising, "slow": slow, "endless": endless, "refuses": refusing}
    judged = judge(kinds, 0, range(4))
    assert [(one.number, one.kind) for one in judged.findings] == [(0, "raises"), (1, "slow"), (2, "endless")]
    assert "KeyError" in judged.findings[0].what and "took 0.1 s" in judged.findings[1].what
    assert "TimeoutError" in judged.findings[2].what
    assert judged.slowest[0] > 0.05 and judged.inputs.total() == 4


def test_the_specifications_that_inputs_begin_from_are_sound() -> None:
    for content in fuzz_campaign.SPECS:
        assert spec_from_json(content).title


def test_an_input_is_the_same_whoever_tries_it() -> None:
    assert fuzz_campaign.text(Random("7:5"), "a") == fuzz_campaign.text(Random("7:5"), "a")
    seen: list[float] = []
    judge({"one": lambda rng: seen.append(rng.random())}, 3, range(0, 6, 2))
    judge({"one": lambda rng: seen.append(rng.random())}, 3, [4])
    assert seen[2] == seen[3] and len(set(seen)) == 3
