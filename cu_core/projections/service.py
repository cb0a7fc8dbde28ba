"""Requests for projections from pages, carried out by a process of its own.

The process is started when it is first needed. It keeps what is slow to load for fifteen minutes after its last
request, because compiling the layout takes longer than a layout.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from cu_core.base.detached import start_detached
from cu_core.base.errors import os_errors_in_words
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.process import is_alive
from cu_core.projections.map_request import MapRequest

LOG = "worker.log"
PROCESS = "process.json"


@dataclass(frozen=True)
class Drawing:
    """How far a requested picture is.

    Attributes:
        state: ``none`` (not asked for, or done), ``waiting``, ``working`` or ``failed``.
        message: what is being done, or why it failed.
        seconds: since it was asked for.
        expected: seconds that drawings of this size have taken here; None while unknown.
        seen: rounds that there were when it failed.
    """

    state: str
    message: str = ""
    seconds: float = 0.0
    expected: float | None = None
    seen: int = -1


@os_errors_in_words()
def ask(home: Home, request: MapRequest, *, refit: bool = False) -> None:
    """Leaves a request, unless it is waiting already, and sees to it that somebody works on requests."""
    folder = queue(home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{request.key}.json"
    failure(home, request).unlink(missing_ok=True)
    if refit or not path.exists():
        write_json(path, {"request": request.to_json(), "refit": refit, "t": time.time()})
    _start(home)


@os_errors_in_words()
def status(home: Home, request: MapRequest) -> Drawing:
    """How far a picture is."""
    now = time.time()
    waiting = _read(queue(home) / f"{request.key}.json")
    if waiting is None:
        failed = _read(failure(home, request))
        if not failed:
            return Drawing("none")
        return Drawing("failed", str(failed.get("message", "")), seen=int(failed.get("seen", -1)))
    asked = max(0.0, now - float(waiting.get("t", now)))  # the clock may have been set back
    _start(home)  # whoever was at it may be gone
    at = _read(working(home)) or {}
    if at.get("key") == request.key:
        return Drawing("working", str(at.get("message", "")), asked, at.get("expected"))
    return Drawing("waiting", "waiting for another picture" if at else "starting", asked)


def queue(home: Home) -> Path:
    """Folder of the requests."""
    return home.maps / "queue"


def working(home: Home) -> Path:
    """File that says what is being drawn."""
    return home.maps / "working.json"


def failure(home: Home, request: MapRequest) -> Path:
    """File that says why a picture could not be drawn."""
    return home.maps / "failed" / f"{request.key}.json"


def lock(home: Home, seconds: float = 0.0) -> FileLock:
    """Held by the one process that draws; `filelock.Timeout` after waiting so long for it."""
    home.maps.mkdir(parents=True, exist_ok=True)
    return FileLock(home.maps / "worker.lock", timeout=seconds)


def _start(home: Home) -> None:
    with FileLock(home.maps / "start.lock"):
        if _alive(home):
            return
        with (home.maps / LOG).open("wb") as log:
            who = start_detached(["map", "--serve"], home.root, log, log)
        if who:
            write_json(home.maps / PROCESS, who)


def _alive(home: Home) -> bool:
    who = _read(home.maps / PROCESS)
    return who is not None and is_alive(who)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
