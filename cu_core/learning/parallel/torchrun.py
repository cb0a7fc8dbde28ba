"""A process among those that torchrun started: its rank, and its end with torchrun's. Loads no torch."""

from __future__ import annotations

import os
import signal
import sys
import threading

_POLL_SECONDS = 0.5


def among_several() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def rank() -> int:
    """Rank of this process in its run; rank 0 leads."""
    return int(os.environ.get("RANK", "0"))


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone: torchrun gives each a session of its own."""
    parent = os.getppid()

    def watch() -> None:
        over = threading.Event()
        while not over.wait(_POLL_SECONDS):
            if os.getppid() != parent:
                print("torchrun is gone, and so is this process", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()
