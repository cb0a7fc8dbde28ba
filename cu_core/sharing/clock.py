"""A clock that setting the system time back does not turn back, for the lifetime of logins."""

from __future__ import annotations

import time

# Goes on while the machine sleeps, where the system has such a clock.
_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def elapsed() -> float:
    """Seconds since some moment, whatever the machine's clock is set to meanwhile."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


_OFFSET = time.time() - elapsed()


def now() -> float:
    """Unix time, and never less than the start of this process and what has passed since."""
    return max(time.time(), _OFFSET + elapsed())
