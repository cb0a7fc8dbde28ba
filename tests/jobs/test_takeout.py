"""Files that pages hand out: made by a process of their own, told of while it works, and why where it fails."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pandas as pd
import pytest

from cu_core.base import detached
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.process import identity
from cu_core.jobs import own_process, takeout
from cu_core.jobs.takeout import Making, Takeout, start_takeout, takeout_status
from tests.madeup import MadeUp, write_run


@pytest.fixture
def run_dir(home: Home) -> Path:
    return write_run(home, made=MadeUp(rounds=1, audited=0, counts=(10, 20, 10)))


def waited(home: Home, run_id: str, what: Takeout) -> Making:
    deadline = time.monotonic() + 120
    while (found := takeout_status(home, run_id, what)) is None or found.working:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


@pytest.mark.thorough
def test_a_file_is_made_once_and_again_when_the_run_changes(home: Home, run_dir: Path) -> None:
    what = Takeout("samples")
    assert takeout_status(home, run_dir.name, what) is None
    start_takeout(home, run_dir.name, what)
    found = waited(home, run_dir.name, what)
    assert found.file is not None and found.file.name == "madeup-1-samples.parquet"
    assert len(pd.read_parquet(found.file)) == 3 * 40
    before = found.file.stat().st_mtime_ns
    start_takeout(home, run_dir.name, what)
    assert waited(home, run_dir.name, what).file == found.file and found.file.stat().st_mtime_ns == before
    (run_dir / "new").touch()
    assert takeout_status(home, run_dir.name, what) is None


@pytest.mark.thorough
def test_why_a_file_could_not_be_made_is_said(home: Home, run_dir: Path) -> None:
    what = Takeout("weights", "after")
    start_takeout(home, run_dir.name, what)
    assert "has no final weights" in waited(home, run_dir.name, what).error


def test_old_files_go_when_another_is_made(home: Home, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(detached.subprocess, "Popen", lambda words, **_: started.append(words) or _Ended())
    old = home.root / "takeout" / "old"
    old.mkdir(parents=True)
    hours = time.time() - 2 * takeout.KEPT_SECONDS
    os.utime(old, (hours, hours))
    start_takeout(home, run_dir.name, Takeout("hub"))
    assert (
        not old.exists()
        and started[0][3:6] == ["hub", "--force", "madeup-1"]
        and started[0][-1].endswith("madeup-1-hub.zip")
    )


def test_one_file_at_a_time(home: Home, run_dir: Path) -> None:
    busy = home.root / "takeout" / "busy"
    busy.mkdir(parents=True)
    (busy / own_process.PROCESS).write_text(json.dumps(identity()))
    with pytest.raises(Exception, match="another file is being made"):
        start_takeout(home, run_dir.name, Takeout("samples"))


@pytest.mark.parametrize(
    ("verb", "model"),
    [("delete", ""), ("samples", "after"), ("weights", ""), ("weights", "--help"), ("weights", "round:")],
)
def test_nothing_else_is_started(verb: str, model: str) -> None:
    with pytest.raises(BadInput):
        Takeout(verb, model)


class _Ended:
    pid = 2**22 + 1
