"""Workers as detached processes of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from typing_extensions import override

from cu_core.base.home import Home
from cu_core.base.installation import dashboard_folder
from cu_core.base.process import identity, is_alive
from cu_core.jobs.command import COMMAND, processes_of, worker_command
from cu_core.jobs.launchers.launcher import Launcher
from cu_core.jobs.slots import Slot
from cu_core.runstore import layout

NICENESS = 10
_ENDING_SECONDS = 5.0


class LocalLauncher(Launcher):
    """Starts workers that outlive the dispatcher, at a low priority, so that the dashboard stays quick.

    Args:
        command: what ``worker RUN --attempt N`` is appended to.
    """

    name = "local"
    where = ""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._children: dict[tuple[str, int], subprocess.Popen[bytes]] = {}

    @override
    def launch(self, home: Home, run_id: str, number: int, slot: Slot) -> None:
        run_dir = home.runs / run_id
        command = worker_command(run_dir, run_id, number, processes_of(run_dir), command=self._command)
        child = spawn(command, home, layout.attempt_dir(run_dir, number) / layout.LOG, slot)
        self._children[run_id, number] = child
        with contextlib.suppress(psutil.Error):
            psutil.Process(child.pid).nice(NICENESS)

    @override
    def waits(self) -> str:
        return ""

    @override
    def ending(self, run_id: str, number: int) -> None:
        return

    @override
    def exit_code(self, run_id: str, number: int) -> int | None:
        # Known only for workers that this process started.
        child = self._children.get((run_id, number))
        if child is None:
            return None
        code = child.poll()
        if code is None and _is_ending(child.pid):
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.wait(_ENDING_SECONDS)
        return code

    @override
    def tend(self) -> None:
        # A child that ended stays a zombie until it is polled.
        for child in self._children.values():
            child.poll()

    @override
    def stop(self, run_id: str, number: int, process: Mapping[str, Any], *, force: bool) -> None:
        child = self._children.get((run_id, number))
        if child is not None and child.poll() is None:
            pid = child.pid
        elif process and is_alive(dict(process)):
            pid = int(process["pid"])
        else:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if force:
                # A worker leads a session of its own, so the group is the worker and its children.
                os.killpg(pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGTERM)


def _is_ending(pid: int) -> bool:
    """Whether the main thread is gone while others still end, which hides the exit code for a moment."""
    try:
        identity(pid)
    except psutil.Error:
        return True
    return False


def spawn(command: Sequence[str], home: Home, log: Path, slot: Slot | None = None) -> subprocess.Popen[bytes]:
    """Starts a process that lives on when this one ends.

    Args:
        command: the program and its arguments.
        home: becomes CU_HOME.
        log: receives what it prints, behind what is there.
        slot: decides its threads and its GPU.
    """
    environment = os.environ | {"CU_HOME": str(home.root)}
    if slot is not None:
        environment |= {"OMP_NUM_THREADS": str(slot.threads), "MKL_NUM_THREADS": str(slot.threads)}
        if slot.gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = slot.gpu
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=dashboard_folder(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
