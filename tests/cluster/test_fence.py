"""The fence between machines, where a lock may not hold and a new folder may not be seen."""

from __future__ import annotations

import contextlib
import json
import os
import shutil

import numpy as np
import pytest

from cu_core.base.errors import Replaced
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.handover import close, new_attempt
from cu_core.runstore.verify import verify
from tests.jobs.stubs import arrays, spec, write_probe

WRITES = {
    "a file": lambda attempt: attempt.write("weights.pt", lambda file: file.write(b"late")),
    "a round": lambda attempt: attempt.promote("rounds/0", {"loss": np.ones(3)}, {"round": 0, "metrics": {}}),
    "a new round": lambda attempt: attempt.promote("rounds/7", {"loss": np.ones(3)}, {"round": 7, "metrics": {}}),
    "taking a round away": lambda attempt: attempt.drop("rounds/0"),
    "an outcome": lambda attempt: attempt.finish("succeeded"),
}


@pytest.fixture
def attempt(home, monkeypatch):
    """A claimed attempt that notices neither locks nor what others do, with a round and a file."""
    run_id = submission.submit(spec(), home)
    made = Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "ray"}))
    made.write("probe.parquet", write_probe)
    made.promote("rounds/0", arrays(0), {"round": 0, "metrics": {}})
    made.write("weights.pt", lambda file: file.write(b"whole"))
    monkeypatch.setattr(layout, "run_lock", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(made, "_check_current", lambda: None)
    return made


def replace(attempt):
    """Makes the next attempt as the dispatcher does."""
    requeue = {"attempt": attempt.number + 1, "first": 1}
    (attempt.run_dir / layout.REQUEUE).write_text(json.dumps(requeue))
    return new_attempt(attempt.home, attempt.run_id, {"launcher": "ray"})


def contents(folder):
    """Path to bytes of all files below a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("what", WRITES)
def test_who_was_replaced_changes_nothing(attempt, what):
    replace(attempt)
    before = contents(attempt.run_dir)
    with pytest.raises(Replaced):
        WRITES[what](attempt)
    assert contents(attempt.run_dir) == before


# Two arrays, the manifest, two old arrays: what one promotion renames.
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_who_is_replaced_in_the_middle_of_a_round_changes_nothing_any_more(attempt, count, monkeypatch):
    renames, taken_over = 0, None

    def hooked(real):
        def rename(source, target):
            nonlocal renames, taken_over
            renames += str(attempt.folder) in f"{source} {target}"
            if renames == count and taken_over is None:
                taken_over = {}
                newer = Attempt.claim(attempt.home, attempt.run_id, replace(attempt))
                newer.promote("rounds/0", arrays(2), {"round": 0, "metrics": {}})
                taken_over = contents(attempt.run_dir / "rounds")
            real(source, target)

        return rename

    monkeypatch.setattr(os, "replace", hooked(os.replace))
    monkeypatch.setattr(os, "rename", hooked(os.rename))
    with pytest.raises(Replaced):
        attempt.promote("rounds/0", arrays(1), {"round": 0, "metrics": {}})
    assert json.loads((attempt.run_dir / "rounds/0/manifest.json").read_text())["attempt"] == 2
    assert contents(attempt.run_dir / "rounds") == taken_over
    assert verify(attempt.home, attempt.run_id) == []


def test_an_attempt_that_is_claimed_too_late_can_write_nothing(attempt):
    number = replace(attempt)
    close(attempt.run_dir, number)
    late = Attempt.claim(attempt.home, attempt.run_id, number)
    with pytest.raises(Replaced):
        late.write("weights.pt", lambda file: file.write(b"late"))
    assert (attempt.run_dir / "weights.pt").read_bytes() == b"whole"


def test_closing_outlasts_a_worker_that_goes_on_writing(attempt, monkeypatch):
    staging = attempt.folder / layout.STAGING
    left = 5

    def busy(real):
        def rmtree(path, **options):
            nonlocal left
            real(path, **options)
            if left:
                left -= 1
                staging.mkdir(exist_ok=True)
                (staging / f"late-{left}").touch()

        return rmtree

    monkeypatch.setattr("cu_core.runstore.attempt.shutil.rmtree", busy(shutil.rmtree))
    close(attempt.run_dir, 1)
    assert not staging.exists() and left == 0
