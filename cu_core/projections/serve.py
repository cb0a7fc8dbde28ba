"""The projection process: works through requests, oldest first, and ends when idle."""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from pathlib import Path
from typing import Any

from filelock import Timeout

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.projections import service
from cu_core.projections.draw import draw
from cu_core.projections.map_request import MapRequest, read_request
from cu_core.projections.map_store import drop_orphans
from cu_core.runstore.reader import open_run

IDLE_SECONDS = 900.0
POLL_SECONDS = 0.1
SPEED = "speed.json"
"""Seconds per sample and round that each method took last."""


def serve(home: Home, *, idle: float = IDLE_SECONDS) -> None:
    """Draws until no request has come for `idle` seconds; returns at once where another process does."""
    try:
        held = service.lock(home, 5.0).acquire()
    except Timeout:
        return
    # A run in progress is more important than a picture of it.
    with contextlib.suppress(OSError):
        os.nice(5)
    with held:
        drop_orphans(home)
        _give_up_what_ended_the_last(home)
        last = time.monotonic()
        while time.monotonic() - last < idle:
            if _next(home):
                service.working(home).unlink(missing_ok=True)
                last = time.monotonic()
            else:
                time.sleep(POLL_SECONDS)


def _next(home: Home) -> bool:
    """Draws what was asked for first; false if there is nothing."""
    waiting = sorted(service.queue(home).glob("*.json"), key=_age)
    if not waiting:
        return False
    path = waiting[0]
    try:
        content = read_json(path)
        request = read_request(content["request"])
    except (OSError, ValueError, KeyError, TypeError, BadInput):
        path.unlink(missing_ok=True)
        return True
    began = time.perf_counter()
    expected = _expected(home, request)

    def tell(message: str) -> None:
        write_json(service.working(home), {"key": request.key, "message": message, "expected": expected})

    tell("starting")
    try:
        if draw(home, request, refit=bool(content.get("refit")), tell=tell):
            _remember(home, request, time.perf_counter() - began)
    except UnlearnscopeError as error:
        _fail(home, request, str(error))
    except Exception as error:  # one picture that fails must not end the others
        traceback.print_exc()
        _fail(home, request, f"{type(error).__name__}: {error}")
    with contextlib.suppress(OSError, ValueError):
        # Asked for again meanwhile, to be fitted anew: that stays.
        if read_json(path) == content:
            path.unlink(missing_ok=True)
    return True


def _give_up_what_ended_the_last(home: Home) -> None:
    """A picture during which the last process was killed, say for its memory, would kill the next one, too."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, BadInput):
        path = service.queue(home) / f"{read_json(service.working(home))['key']}.json"
        request = read_request(read_json(path)["request"])
        _fail(home, request, "the process that drew it was ended, perhaps because memory ran out")
        path.unlink(missing_ok=True)
    service.working(home).unlink(missing_ok=True)


def _fail(home: Home, request: MapRequest, message: str) -> None:
    path = service.failure(home, request)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"message": message, "seen": _rounds(home, request), "t": time.time()})


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _rounds(home: Home, request: MapRequest) -> int:
    """Recorded rounds of the run or runs; 0 of those that are gone."""
    found = 0
    for run_id in filter(None, (request.run, request.beside)):
        with contextlib.suppress(UnlearnscopeError):
            found += len(open_run(home, run_id).rounds())
    return found


def _size(home: Home, request: MapRequest) -> int:
    return len(open_run(home, request.run).probe()) * max(_rounds(home, request), 1)


def _expected(home: Home, request: MapRequest) -> float | None:
    try:
        return float(read_json(home.maps / SPEED)[request.method]) * _size(home, request)
    except (OSError, ValueError, KeyError, TypeError, UnlearnscopeError):
        return None


def _remember(home: Home, request: MapRequest, seconds: float) -> None:
    speeds: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        speeds = read_json(home.maps / SPEED)
    write_json(home.maps / SPEED, speeds | {request.method: seconds / _size(home, request)})
