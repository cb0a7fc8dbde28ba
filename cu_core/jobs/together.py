"""A run on several processes in the foreground: starts torchrun, and tells its progress."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cu_core.base.home import Home
from cu_core.jobs import submission
from cu_core.jobs.command import processes_of, worker_command
from cu_core.jobs.launchers.local import spawn
from cu_core.jobs.slots import Slot, cores
from cu_core.runstore import layout
from cu_core.runstore.state import read_state

_LOOK_SECONDS = 0.3


def work_together(
    home: Home, run_id: str, number: int, show: Callable[[dict[str, Any]], None], tell: Callable[[str], None]
) -> str:
    """Does an attempt with as many processes as the run wants.

    SIGTERM or an interrupt cancels the run; a second one ends the processes at once.

    Args:
        home: where the run lives.
        run_id: of the run.
        number: of the attempt, which nobody has claimed.
        show: hears its events.
        tell: hears what happens beside them.

    Returns:
        The state of the run afterwards.
    """
    run_dir = home.runs / run_id
    folder = layout.attempt_dir(run_dir, number)
    processes = processes_of(run_dir)
    # Away from this terminal, whose interrupts would end the processes before they could agree on it.
    command = worker_command(run_dir, run_id, number, processes)
    child = spawn(command, home, folder / layout.LOG, Slot("foreground", None, max(1, cores() // processes)))
    shown, asked = 0, False
    with _interrupted_by_sigterm():
        while True:
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_LOOK_SECONDS)
                shown = _show(folder / layout.EVENTS, shown, show)
                if child.returncode is not None:
                    return read_state(run_dir).state
            except KeyboardInterrupt:
                if asked:
                    # Each process ends by itself as soon as torchrun is gone.
                    os.killpg(child.pid, signal.SIGKILL)
                asked = True
                submission.cancel(home, run_id)
                tell("cancelling")


def _show(events: Path, start: int, show: Callable[[dict[str, Any]], None]) -> int:
    """Passes on the events behind a position in their file; returns the next position."""
    try:
        with events.open("rb") as file:
            file.seek(start)
            lines = file.read()
    except FileNotFoundError:
        return start
    whole = lines[: lines.rfind(b"\n") + 1]
    for line in whole.splitlines():
        with contextlib.suppress(json.JSONDecodeError, KeyError, TypeError):
            show(json.loads(line))
    return start + len(whole)


@contextlib.contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
