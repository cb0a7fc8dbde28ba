"""The table of states: what the files say is what the state is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from cu_core.base import process
from cu_core.base.process import identity
from cu_core.runstore.state import read_state
from tests.jobs.programs import wait_for


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture(scope="module")
def dead():
    """Identity of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = identity(child.pid)
    child.communicate(b"\n")
    return who


def launched(seconds_ago=0.0, **more):
    # Not yet a time: the table is made long before its last test runs.
    return {"launcher": "local", "attempt": 1, "first": 1, "seconds_ago": seconds_ago} | more


def outcome(state, error=None):
    return {"state": state, "error": error, "t": 12.5}


# Files by name, with DEAD, ALIVE and ELSEWHERE for identities, and the state that they make.
TABLE = {
    "no attempt": ({}, "queued"),
    "cancelled before it started": ({"cancel": ""}, "cancelled"),
    "just launched": ({"attempt-1/launch.json": launched()}, "starting"),
    "launched long ago, never claimed": ({"attempt-1/launch.json": launched(61)}, "lost"),
    "never claimed, to be cancelled": ({"attempt-1/launch.json": launched(61), "cancel": ""}, "cancelled"),
    "claimed by a living process": ({"attempt-1/launch.json": launched(), "attempt-1/pid.json": "ALIVE"}, "running"),
    "to be cancelled but alive": ({"attempt-1/pid.json": "ALIVE", "cancel": ""}, "running"),
    "its process is dead": ({"attempt-1/launch.json": launched(), "attempt-1/pid.json": "DEAD"}, "lost"),
    "dead, to be cancelled": ({"attempt-1/pid.json": "DEAD", "cancel": ""}, "cancelled"),
    "before the last restart": ({"attempt-1/pid.json": "OTHER BOOT"}, "lost"),
    "process id taken by another": ({"attempt-1/pid.json": "OTHER START"}, "lost"),
    "on another machine, beating": ({"attempt-1/pid.json": "ELSEWHERE", "attempt-1/heartbeat": ""}, "running"),
    "on another machine, silent, looked after by the dispatcher": ({"attempt-1/pid.json": "ELSEWHERE"}, "running"),
    "on another machine, silent, in a terminal": (
        {"attempt-1/pid.json": "ELSEWHERE", "attempt-1/launch.json": launched(launcher="foreground")},
        "lost",
    ),
    "in the queue of a cluster for long": (
        {"attempt-1/launch.json": launched(10_000, launcher="ray", queue="http://head:8265")},
        "starting",
    ),
    "succeeded": ({"attempt-1/pid.json": "DEAD", "attempt-1/outcome.json": outcome("succeeded")}, "succeeded"),
    "failed": ({"attempt-1/outcome.json": outcome("failed", {"kind": "failed", "message": "x"})}, "failed"),
    "the outcome beats the flag": ({"attempt-1/outcome.json": outcome("succeeded"), "cancel": ""}, "succeeded"),
    "a damaged outcome": ({"attempt-1/outcome.json": "{torn"}, "failed"),
    "an outcome of no known kind": ({"attempt-1/outcome.json": {"state": "splendid"}}, "failed"),
    "queued again": ({"attempt-1/outcome.json": outcome("failed"), "requeue.json": {"attempt": 2}}, "queued"),
    "queued again, then cancelled": (
        {"attempt-1/outcome.json": outcome("failed"), "requeue.json": {"attempt": 2}, "cancel": ""},
        "cancelled",
    ),
    "the requeue was followed": (
        {"attempt-1/outcome.json": outcome("failed"), "requeue.json": {"attempt": 2}, "attempt-2/pid.json": "ALIVE"},
        "running",
    ),
    "the latest attempt counts, by number": (
        {"attempt-9/outcome.json": outcome("failed"), "attempt-10/outcome.json": outcome("succeeded")},
        "succeeded",
    ),
    "folders that are no attempts": ({"attempt-x/outcome.json": "", ".attempt-2/launch.json": ""}, "queued"),
}


@pytest.mark.parametrize("files, state", TABLE.values(), ids=TABLE.keys())
def test_state_follows_from_files(files, state, tmp_path, dead):
    here = identity()
    people = {
        "ALIVE": here,
        "DEAD": dead,
        "OTHER BOOT": here | {"boot": "another"},
        "OTHER START": here | {"started": here["started"] - 1},
        "ELSEWHERE": here | {"host": "another-machine"},
    }
    for name, content in files.items():
        if isinstance(content, dict) and "seconds_ago" in content:
            content = content | {"t": time.time() - content["seconds_ago"]}
        write(tmp_path / name, people.get(content, content) if isinstance(content, str) else content)
    assert read_state(tmp_path).state == state


def test_details_come_with_the_state(tmp_path):
    error = {"kind": "failed", "message": "no", "hint": ""}
    write(tmp_path / "attempt-2/outcome.json", outcome("failed", error))
    write(tmp_path / "attempt-2/launch.json", launched(first=2, launcher="foreground"))
    found = read_state(tmp_path)
    assert (found.attempt, found.next_attempt, found.first, found.finished) == (2, 3, 2, 12.5)
    assert found.error == error and found.foreground


def test_a_worker_that_finishes_meanwhile_is_not_lost(tmp_path, dead, monkeypatch):
    write(tmp_path / "attempt-1/pid.json", dead)

    def finish_now(who):
        write(tmp_path / "attempt-1/outcome.json", outcome("succeeded"))
        return False

    monkeypatch.setattr("cu_core.runstore.state.is_alive", finish_now)
    assert read_state(tmp_path).state == "succeeded"


@pytest.mark.parametrize("skew", [-1800, 0, 7200])
def test_a_terminal_elsewhere_is_lost_when_its_heartbeat_stops_whatever_its_clock_says(tmp_path, monkeypatch, skew):
    now = 100.0
    monkeypatch.setattr("cu_core.runstore.beats.time.monotonic", lambda: now)
    write(tmp_path / "attempt-1/launch.json", launched(launcher="foreground"))
    write(tmp_path / "attempt-1/pid.json", identity() | {"host": "another-machine"})
    beat = tmp_path / "attempt-1/heartbeat"
    write(beat, "")
    for second in range(0, 90, 10):
        now = 100.0 + second
        os.utime(beat, (time.time() + skew + second,) * 2)
        assert read_state(tmp_path).state == "running"
    now += 29
    assert read_state(tmp_path).state == "running"
    now += 2
    assert read_state(tmp_path).state == "lost"
    os.utime(beat, (time.time() + skew + 1000,) * 2)
    assert read_state(tmp_path).state == "running"


def test_a_terminal_elsewhere_that_ended_long_ago_is_lost_at_once(tmp_path):
    write(tmp_path / "attempt-1/launch.json", launched(launcher="foreground"))
    write(tmp_path / "attempt-1/pid.json", identity() | {"host": "another-machine"})
    write(tmp_path / "attempt-1/heartbeat", "")
    os.utime(tmp_path / "attempt-1/heartbeat", (time.time() - 4000,) * 2)
    assert read_state(tmp_path).state == "lost"


def test_a_zombie_is_not_alive():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = identity(child.pid)
    assert process.is_alive(who)
    child.stdin.close()
    # Not waited for, so that it stays a zombie.
    wait_for(lambda: not process.is_alive(who))
    child.wait()
    assert not process.is_alive(who)
