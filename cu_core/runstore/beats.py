"""Heartbeats of workers on other machines, judged without trusting their clocks."""

from __future__ import annotations

import os
import time
from pathlib import Path

LONG_AGO_SECONDS = 3600.0
_MOST = 10_000


def beat_of(path: Path) -> int:
    """Time stamp of a heartbeat in nanoseconds, of whatever clock set it; 0 where there is none."""
    try:
        # Opening asks a file server anew; a mere look at the name may be answered from memory.
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return 0


class Beats:
    """Remembers when heartbeats were last seen to move, by a clock of this process that nobody can set."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, float]] = {}

    def moves(self, path: Path, lease: float) -> bool:
        """Whether a heartbeat has moved within a lease.

        At the first look nothing can be known of that. Then a time stamp counts as alive, unless it is older than any
        clock is likely to be wrong.

        Args:
            path: of the heartbeat.
            lease: seconds without a beat until a worker counts as lost.
        """
        beat, now = beat_of(path), time.monotonic()
        known = self._seen.get(path)
        if known is None or known[0] != beat:
            if len(self._seen) >= _MOST:
                self._seen.clear()
            old = known is None and time.time() - beat / 1e9 > LONG_AGO_SECONDS
            self._seen[path] = (beat, now - lease if old else now)
            return not old
        return now - known[1] < lease
