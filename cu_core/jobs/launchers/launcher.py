"""The launcher protocol: starting, polling and stopping workers locally, on Ray or on Slurm."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.jobs.cluster import ClusterSettings
from cu_core.jobs.command import COMMAND
from cu_core.jobs.slots import Slot


class Unreachable(UnlearnscopeError):
    """A cluster that cannot take a run now; the run stays queued, with these words."""


class Pause:
    """How long nothing is handed over after a cluster did not take a run: longer each time, so that attempts stay few.

    Args:
        least: seconds after the first failure.
        most: seconds after many.
    """

    def __init__(self, least: float = 5.0, most: float = 300.0) -> None:
        self._least, self._most = least, most
        self._failures = 0
        self._until = 0.0
        self._reason = ""

    def begin(self, reason: str) -> None:
        """Starts or prolongs it, for a reason in words."""
        self._until = time.monotonic() + min(self._least * 2**self._failures, self._most)
        self._failures = min(self._failures + 1, 20)
        self._reason = reason

    def end(self) -> None:
        """Something was taken."""
        self._failures, self._reason = 0, ""

    def words(self) -> str:
        """Why nothing should be handed over now; empty where it may be tried."""
        return self._reason if time.monotonic() < self._until else ""


@dataclass(frozen=True)
class Ending:
    """How a worker came to its end, as whatever started it knows.

    Attributes:
        reason: in words.
        certain: False where it is merely unknown there; a heartbeat then says more.
        began: False where it never came to start, so that no attempt was lost.
    """

    reason: str
    certain: bool = True
    began: bool = True


class Launcher(Protocol):
    """Starts, asks after and stops workers; their logs are files of the attempt.

    Attributes:
        name: as in launch.json.
        where: the queue that decides when a worker starts, e.g. ``http://head:8265``; empty if it starts at once.
    """

    name: str
    where: str

    def waits(self) -> str:
        """Why nothing can be started now, in words; empty if nothing stands in the way. Called often."""
        ...

    def launch(self, home: Home, run_id: str, number: int, slot: Slot) -> None:
        """Starts the worker of an attempt, or hands it to the queue of a cluster.

        Raises:
            OSError: that is impossible.
            Unreachable: it is impossible now.
        """
        ...

    def exit_code(self, run_id: str, number: int) -> int | None:
        """How a worker ended, as `subprocess.Popen.returncode`; None while it lives or where unknown."""
        ...

    def ending(self, run_id: str, number: int) -> Ending | None:
        """How a worker without an exit code ended; None while it waits or lives, and where unknown."""
        ...

    def tend(self) -> None:
        """Takes note of workers that ended; called often."""
        ...

    def stop(self, run_id: str, number: int, process: Mapping[str, Any], *, force: bool) -> None:
        """Asks a worker to end, or with `force` ends it and all its children."""
        ...


def make_launcher(home: Home, settings: ClusterSettings, command: Sequence[str] | None = None) -> Launcher:
    """The launcher that the settings name; what it needs is imported only here.

    Args:
        home: whose runs it starts.
        settings: which launcher, and where.
        command: what ``worker RUN --attempt N`` is appended to; the project's own program by default.

    Raises:
        BadInput: what it needs is not installed.
    """
    module, name = {
        "local": ("cu_core.jobs.launchers.local", "LocalLauncher"),
        "ray": ("cu_core.jobs.launchers.ray_jobs", "RayLauncher"),
        "slurm": ("cu_core.jobs.launchers.slurm", "SlurmLauncher"),
    }[settings.launcher]
    launcher = getattr(importlib.import_module(module), name)
    made: Launcher = launcher(command or COMMAND) if settings.launcher == "local" else launcher(home, settings, command)
    return made
