"""The command line of a worker, for one process or several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cu_core.runstore import layout
from cu_core.runstore.rows import optional_json

COMMAND = (sys.executable, "-m", "cu_core")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run")


def worker_command(
    run_dir: Path,
    run_id: str,
    number: int,
    processes: int,
    *,
    command: Sequence[str] = COMMAND,
    where: Sequence[str] = ("--standalone",),
) -> tuple[str, ...]:
    """What to start for an attempt.

    Args:
        run_dir: of the run.
        run_id: of the run.
        number: of the attempt.
        processes: how many work on it on this machine; above 1 torchrun starts them and ends all when one dies.
        command: what ``worker RUN --attempt N`` is appended to.
        where: torchrun's options for its meeting point; for processes on several machines ``--nnodes``,
            ``--node-rank``, ``--master-addr`` and ``--master-port``, and the same on each of them.
    """
    worker = (*command, "worker", run_id, "--attempt", str(number))
    if processes == 1 and tuple(where) == ("--standalone",):
        return worker
    # Without a folder of its own, torchrun leaves one behind in the system's temporary folder.
    logs = layout.attempt_dir(run_dir, number) / layout.PROCESSES
    options = (*where, f"--nproc-per-node={processes}", f"--log-dir={logs}", "--no-python")
    return (*TORCHRUN, *options, *worker)


def processes_of(run_dir: Path) -> int:
    """How many processes a run wants, as far as its specification can be read; the worker checks the rest."""
    wanted = optional_json(run_dir / layout.SPEC).get("processes", 1)
    return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) and 1 <= wanted <= 64 else 1
