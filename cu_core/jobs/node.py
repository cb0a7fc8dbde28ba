"""Preparation of a cluster node before its worker takes an attempt."""

from __future__ import annotations

import os
import socket
import sys
import time

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.jobs.cluster import MARK_VARIABLE, check_mark
from cu_core.runstore import layout

SEEN_SECONDS = 60.0
_LOOK_SECONDS = 0.5


def arrive(home: Home, run_id: str, number: int) -> None:
    """Checks that this machine sees the shared home, and writes into the attempt's log from then on.

    Does nothing for a worker that was started on the dispatcher's own machine. What a node prints before is kept by
    the cluster, and the dispatcher fetches it where no worker came to write a log.

    Args:
        home: where the run should be.
        run_id: of the run.
        number: of the attempt.

    Raises:
        BadInput: the home is not there, or another.
    """
    mark = os.environ.pop(MARK_VARIABLE, "")
    if not mark:
        return
    host = socket.gethostname()
    end = time.monotonic() + SEEN_SECONDS
    folder = layout.attempt_dir(home.runs / run_id, number)
    # A directory of a file server may be remembered as it was a moment ago; one that is not mounted is not there.
    while (
        home.runs.is_dir() and time.monotonic() < end and not ((home.root / layout.SHARED).exists() and folder.is_dir())
    ):
        time.sleep(_LOOK_SECONDS)
    check_mark(home, mark, host)
    if not folder.is_dir():
        raise BadInput("attempt", f"the node {host} does not see attempt {number} at {run_id}")
    with (folder / layout.LOG).open("ab") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    print(f"on {host}", flush=True)
