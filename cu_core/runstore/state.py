"""The state of a run as a pure function of its files.

    queued -> starting -> running -> succeeded | failed | cancelled | lost (-> queued)

Nobody stores a state; everybody derives it here, so it cannot disagree with what happened.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.files import read_json
from cu_core.base.process import is_alive, is_local
from cu_core.runstore import layout
from cu_core.runstore.beats import Beats

STATES = ("queued", "starting", "running", "succeeded", "failed", "cancelled", "lost")
FINAL = ("succeeded", "failed", "cancelled")
ACTIVE = ("starting", "running")

START_SECONDS = 60.0
LEASE_SECONDS = 30.0
FOREGROUND = "foreground"
_BEATS = Beats()


@dataclass(frozen=True)
class RunState:
    """Where a run stands.

    Attributes:
        state: one of `STATES`.
        attempt: number of the latest attempt; 0 if there was none.
        launch: what the launcher wrote when it made that attempt.
        process: identity of the process that claimed it; empty if none has.
        finished: unix time of the outcome.
        error: kind, message and hint of a failure; None otherwise.
        note: why the run waits again, after an attempt was lost.
        next_attempt: number that the next attempt will have.
        first: first attempt of the present series (the user's resume starts a new series).
    """

    state: str
    attempt: int
    launch: dict[str, Any]
    process: dict[str, Any]
    finished: float | None
    error: dict[str, Any] | None
    note: str
    next_attempt: int
    first: int

    @property
    def queue(self) -> str:
        """The cluster whose queue decides when the worker of the latest attempt starts; empty on this machine."""
        where = self.launch.get("queue")
        return where if isinstance(where, str) else ""

    @property
    def foreground(self) -> bool:
        """Whether the latest attempt belongs to a terminal rather than to the dispatcher."""
        return self.launch.get("launcher") == FOREGROUND


def read_state(run_dir: Path) -> RunState:
    """Derives the state of a run from its directory."""
    found = _read(run_dir)
    # A worker writes its outcome and ends; looking between the two must not call it lost.
    return _read(run_dir) if found.state == "lost" else found


def _read(run_dir: Path) -> RunState:
    number = max(layout.attempts(run_dir), default=0)
    folder = layout.attempt_dir(run_dir, number)
    launch = (_optional(folder / layout.LAUNCH) or {}) if number else {}
    process = (_optional(folder / layout.PID) or {}) if number else {}
    requeue = _optional(run_dir / layout.REQUEUE) or {}
    waiting = number == 0 or _number(requeue.get("attempt")) > number
    cancelled = (run_dir / layout.CANCEL).exists()
    finished, error, note = None, None, ""
    first = _number(launch.get("first")) or 1
    if waiting:
        state = "cancelled" if cancelled else "queued"
        first = _number(requeue.get("first")) or 1
        note = requeue["reason"] if isinstance(requeue.get("reason"), str) else ""
    elif (folder / layout.OUTCOME).exists():
        state, finished, error = _outcome(folder / layout.OUTCOME)
    elif process:
        state = "running" if _runs(process, folder, launch) else "lost"
    elif launch.get("queue"):
        # In the queue of a cluster, for as long as it takes; the dispatcher asks there.
        state = "starting"
    else:
        state = "starting" if _starts(folder, launch) else "lost"
    if state == "lost" and cancelled:
        state, finished = "cancelled", _changed(run_dir / layout.CANCEL)
    return RunState(state, number, launch, process, finished, error, note, number + 1, first)


def _runs(process: dict[str, Any], folder: Path, launch: dict[str, Any]) -> bool:
    if is_local(process):
        return is_alive(process)
    # A process of another machine cannot be looked up; its heartbeat on the shared disk can. Clocks differ between
    # machines, so it has to be watched for a while: the dispatcher does that for all that it started.
    return launch.get("launcher") != FOREGROUND or _BEATS.moves(folder / layout.HEARTBEAT, LEASE_SECONDS)


def _starts(folder: Path, launch: dict[str, Any]) -> bool:
    if launch.get("launcher") == FOREGROUND and "started" in launch and is_local(launch) and not is_alive(launch):
        return False  # the terminal that was about to do the work is gone
    # Far in the future, too, is no time at which it was launched: the clock was moved.
    return abs(time.time() - _launched(folder, launch)) < START_SECONDS


def _launched(folder: Path, launch: dict[str, Any]) -> float:
    moment = launch.get("t")
    return float(moment) if isinstance(moment, int | float) else _changed(folder) or 0.0


def _outcome(path: Path) -> tuple[str, float | None, dict[str, Any] | None]:
    content = _optional(path) or {}
    state, moment, error = content.get("state"), content.get("t"), content.get("error")
    if state not in FINAL:
        return "failed", None, {"kind": "damaged", "message": f"{path.name} is damaged", "hint": "Resume the run."}
    # The spare outcome of a full disk was written before its time was known.
    known = float(moment) if isinstance(moment, int | float) else _changed(path)
    return state, known, _words(error) if isinstance(error, dict) else None


def _words(error: dict[str, Any]) -> dict[str, Any]:
    """Kind, message and hint of a failure as texts; whatever else was written there is left out."""
    return {name: value for name, value in error.items() if isinstance(value, str)}


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**6 else 0


def _optional(path: Path) -> dict[str, Any] | None:
    try:
        content = read_json(path)
    except (OSError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) else None
