"""What the dispatcher needs of whatever starts workers: this machine now, a cluster later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cu_core.home import Home
from cu_core.runs.slots import Slot


class Launcher(Protocol):
    """Starts, asks after and stops workers; their logs are files of the attempt."""

    name: str

    def launch(self, home: Home, run_id: str, number: int, slot: Slot) -> None:
        """Starts the worker of an attempt; raises OSError if that is impossible."""
        ...

    def exit_code(self, run_id: str, number: int) -> int | None:
        """How a worker ended, as `subprocess.Popen.returncode`; None while it lives or where unknown."""
        ...

    def tend(self) -> None:
        """Takes note of workers that ended; called often."""
        ...

    def stop(self, run_id: str, number: int, process: Mapping[str, Any], *, force: bool) -> None:
        """Asks a worker to end, or with `force` ends it and all its children."""
        ...
