"""Whether this process serves a dashboard, and whether it is a shared one; decided once, by the door."""

from __future__ import annotations

_shared: bool | None = None


def served(*, shared: bool) -> None:
    """Notes what the door decided when the server started."""
    global _shared
    _shared = shared


def is_served() -> bool:
    """Whether there is a door in this process."""
    return _shared is not None


def is_shared() -> bool:
    """Whether visitors have to be known."""
    return bool(_shared)
