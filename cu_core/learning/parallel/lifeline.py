"""A process of a run ends with the one that started it."""

from __future__ import annotations

import os
import signal
import sys
import threading

_LOOK_SECONDS = 0.5


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone: torchrun gives each a session of its own."""
    parent = os.getppid()

    def look() -> None:
        over = threading.Event()
        while not over.wait(_LOOK_SECONDS):
            if os.getppid() != parent:
                print("torchrun is gone, and so is this process", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=look, name="parent", daemon=True).start()
