"""Transitions of a run between attempts: made, closed, taken back, requested again; under the run's lock."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.checksums import write_sealed
from cu_core.runstore.staging import appearing
from cu_core.runstore.state import RunState, read_state

_CLOSE_TRIES = 100


def new_attempt(home: Home, run_id: str, launch: Mapping[str, Any], *, seconds: float = layout.LOCK_SECONDS) -> int:
    """Makes the next attempt at a queued run; older attempts can no longer write afterwards.

    Args:
        home: where the run lives.
        run_id: of the run.
        launch: who starts it and where (``launcher``, ``slot``, …); stored in launch.json.
        seconds: how long to wait for the run's lock; `filelock.Timeout` after that.

    Returns:
        The number of the attempt.

    Raises:
        BadInput: no such run, or it is not queued.
    """
    layout.run_dir(home, run_id)
    with layout.run_lock(home, run_id, seconds):
        run_dir = layout.run_dir(home, run_id)
        found = read_state(run_dir)
        if found.state != "queued":
            raise BadInput("run", f"{run_id} is {found.state}, only a queued run can be started")
        return make_attempt(run_dir, found, launch)


def make_attempt(run_dir: Path, found: RunState, launch: Mapping[str, Any]) -> int:
    """Puts the folder of the next attempt in place; the caller holds the run's lock."""
    number = found.next_attempt
    for older in layout.attempts(run_dir):
        close(run_dir, older)
    # With its launch.json from the first moment on, so that no state in between can be seen.
    with appearing(layout.attempt_dir(run_dir, number), ".attempt-") as prepared:
        about = dict(launch) | {"attempt": number, "first": found.first, "t": time.time()}
        write_sealed(prepared / layout.LAUNCH, about)
        (prepared / layout.STAGING).mkdir()
    return number


def close(run_dir: Path, number: int) -> None:
    """Takes an attempt's staging folder away, so that it can put nothing in place any more.

    Raises:
        OSError: the folder cannot be removed, so that the attempt may still write.
    """
    staging = layout.attempt_dir(run_dir, number) / layout.STAGING
    for _ in range(_CLOSE_TRIES):
        # A worker that still writes may add a file while others are removed.
        shutil.rmtree(staging, ignore_errors=True)
        if not os.path.lexists(staging):
            return
    os.rmdir(staging)


def requeue(run_dir: Path, number: int, first: int, reason: str) -> None:
    """Queues a run for its next attempt; earlier ones can write nothing from then on.

    Args:
        run_dir: of the run, whose lock the caller holds.
        number: of the next attempt.
        first: attempt with which the present series began.
        reason: why it waits again, in words; empty if the user wishes it.
    """
    write_sealed(run_dir / layout.REQUEUE, {"attempt": number, "first": first, "reason": reason, "t": time.time()})


def withdraw(home: Home, run_id: str, number: int, reason: str) -> None:
    """Takes back an attempt that could not be handed over; it does not count as one that was lost.

    Args:
        home: where the run lives.
        run_id: of the run.
        number: of the attempt, which nobody must have claimed.
        reason: why it was not handed over, in words.
    """
    with layout.run_lock(home, run_id):
        run_dir = layout.run_dir(home, run_id)
        found = read_state(run_dir)
        if found.attempt == number and found.state == "starting":
            requeue(run_dir, number + 1, found.first + 1, reason)
