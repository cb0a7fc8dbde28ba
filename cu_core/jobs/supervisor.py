"""Supervision of workers: lost, frozen and cancelled ones."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from filelock import Timeout

from cu_core.base.errors import OutOfDisk, UnlearnscopeError
from cu_core.base.files import tail
from cu_core.base.home import Home
from cu_core.base.process import is_local, is_of_this_boot
from cu_core.jobs.launchers.launcher import Ending, Launcher
from cu_core.jobs.memory import MemoryWatch
from cu_core.runstore import layout
from cu_core.runstore.beats import beat_of
from cu_core.runstore.checksums import write_sealed
from cu_core.runstore.disk import check_floor
from cu_core.runstore.handover import close, requeue, withdraw
from cu_core.runstore.state import LEASE_SECONDS, START_SECONDS, RunState, read_state

MOST_ATTEMPTS = 3
_LOG_BYTES = 4000
_LOG_LINES = 5
_LOCK_SECONDS = 1.0


@dataclass(frozen=True)
class Timing:
    """Seconds that the dispatcher waits for things.

    Attributes:
        tick: between two looks at everything.
        lease: without a heartbeat, until a worker counts as lost.
        term: between a wish to stop and SIGTERM.
        kill: between a wish to stop and SIGKILL.
        idle: without work, until the dispatcher ends.
        settle: between a cluster's word that a worker has ended and giving it up; the last files that it
            wrote may be seen late on a shared directory.
    """

    tick: float = 0.5
    lease: float = LEASE_SECONDS
    term: float = 3.0
    kill: float = 30.0
    idle: float = 120.0
    settle: float = 5.0


@dataclass
class _Watched:
    """What is remembered of a worker between two looks; nothing that a new dispatcher could not do without."""

    run_id: str
    state: RunState
    beat: int = -1
    beat_seen: float = 0.0
    since: float = 0.0
    seen_starting: bool = False
    ended_since: float | None = None
    unwanted_since: float | None = None
    killed: bool = False
    trouble: str = ""
    memory: MemoryWatch = field(default_factory=MemoryWatch)


class Supervisor:
    """Watches all attempts that the dispatcher's launcher started, also those of an earlier dispatcher.

    Args:
        home: where the runs live.
        launcher: that started them.
        timing: how patient to be.
    """

    def __init__(self, home: Home, launcher: Launcher, timing: Timing) -> None:
        self._home = home
        self._launcher = launcher
        self._timing = timing
        self._watched: dict[tuple[str, int], _Watched] = {}
        self._unwanted: dict[tuple[str, int], _Watched] = {}
        self._last_look = time.monotonic()

    def look(self, live: dict[str, RunState]) -> None:
        """Looks once at every worker.

        Args:
            live: states of the runs that are starting, running or lost.
        """
        self._launcher.tend()
        now = time.monotonic()
        if now - self._last_look > self._timing.lease / 2:
            # This process was frozen or the machine slept: the workers may have been, too.
            for watched in self._watched.values():
                watched.beat_seen = now
        self._last_look = now
        current = {(run_id, found.attempt): (run_id, found) for run_id, found in live.items() if not found.foreground}
        self._watched = {key: watched for key, watched in self._watched.items() if key in current}
        for key, (run_id, found) in current.items():
            fresh = _Watched(run_id, found, beat_seen=now, since=now, seen_starting=found.state == "starting")
            watched = self._watched.setdefault(key, fresh)
            watched.state = found
            watched.memory.look()
            try:
                self._attend(watched, now)
            except Exception as error:  # a run whose directory cannot be written, say, must not keep others waiting
                self._tell(watched, error)
        for key, watched in list(self._unwanted.items()):
            try:
                self._press(watched, now)
            except Exception as error:
                self._tell(watched, error)
            if watched.killed:
                del self._unwanted[key]

    def _attend(self, watched: _Watched, now: float) -> None:
        run_id, found = watched.run_id, watched.state
        if self._launcher.exit_code(run_id, found.attempt) is not None:
            self._give_up(watched, self._reason(watched))
        elif found.state == "lost":
            # One that has not come yet is late by the wall clock; by a clock that nobody can set it may have time.
            if found.process or not watched.seen_starting or now - watched.since >= START_SECONDS:
                self._give_up(watched, self._reason(watched))
        elif (ending := self._ending(watched, now)) is not None:
            if ending.began or found.state != "starting":
                self._give_up(watched, ending.reason)
            else:
                withdraw(self._home, run_id, found.attempt, ending.reason)
        elif found.state == "starting" and found.queue and (self._home.runs / run_id / layout.CANCEL).exists():
            # It may wait in the queue of a cluster for hours, and the cluster may not even answer.
            self._stop(watched, force=False)
            self._give_up(watched, "it was cancelled")
        elif (self._home.runs / run_id / layout.CANCEL).exists():
            self._press(watched, now)
            # On a machine that is gone it hears no wish, and its cluster may know nothing of it.
            if found.queue and self._is_silent(watched, now):
                self._give_up(watched, "it was cancelled")
        elif found.state == "running" and self._is_silent(watched, now):
            self._replace(watched)

    def _tell(self, watched: _Watched, error: Exception) -> None:
        """Says once for each worker and reason what keeps the dispatcher from looking after it."""
        known = isinstance(error, OSError | UnlearnscopeError)
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        if reason != watched.trouble:
            watched.trouble = reason
            print(f"dispatcher: {watched.run_id}: {reason}", file=sys.stderr, flush=True)
            if not known:
                traceback.print_exception(error)

    def _ending(self, watched: _Watched, now: float) -> Ending | None:
        """How a worker that was handed to a cluster ended; None while it has not."""
        found = watched.state
        if not found.queue:
            return None
        if found.launch.get("launcher") != self._launcher.name or found.queue != self._launcher.where:
            if found.state == "starting" and now - watched.since > START_SECONDS:
                return Ending(f"it waited in the queue of {found.queue}, which is not in use any more", began=False)
            return None
        ending = self._launcher.ending(watched.run_id, found.attempt)
        if ending is None or not (ending.certain or found.state == "starting"):
            watched.ended_since = None
            return None
        if watched.ended_since is None:
            watched.ended_since = now
        # One that surely never began has written nothing that could be seen late.
        settled = (ending.certain and not ending.began) or now - watched.ended_since >= self._timing.settle
        return ending if settled else None

    def _is_silent(self, watched: _Watched, now: float) -> bool:
        # Only whether the time stamp moves counts, measured by a clock that nobody can set.
        path = layout.attempt_dir(self._home.runs / watched.run_id, watched.state.attempt) / layout.HEARTBEAT
        beat = beat_of(path)
        if beat != watched.beat:
            watched.beat, watched.beat_seen = beat, now
        return now - watched.beat_seen > self._timing.lease

    def _replace(self, watched: _Watched) -> None:
        """Gives a frozen worker's run to a new attempt; the fence keeps the old one from writing."""
        try:
            self._give_up(watched, f"the worker gave no sign of life for {self._timing.lease:g} s", wait=True)
        except Timeout:
            # Frozen with the run's lock in its hands: nobody can go on before it is gone.
            self._stop(watched, force=True)
            return
        self._unwanted[watched.run_id, watched.state.attempt] = watched
        self._stop(watched, force=False)

    def _press(self, watched: _Watched, now: float) -> None:
        """Ends a worker that should stop by itself: first a reminder, then by force."""
        if watched.unwanted_since is None:
            watched.unwanted_since = now
        waited = now - watched.unwanted_since
        if waited > self._timing.kill:
            self._stop(watched, force=True)
        elif waited > self._timing.term:
            self._stop(watched, force=False)

    def _stop(self, watched: _Watched, *, force: bool) -> None:
        watched.killed = watched.killed or force
        self._launcher.stop(watched.run_id, watched.state.attempt, watched.state.process, force=force)

    def _give_up(self, watched: _Watched, reason: str, *, wait: bool = False) -> None:
        """Queues the run for its next attempt, or fails it when it had enough of them."""
        run_id, number = watched.run_id, watched.state.attempt
        run_dir = self._home.runs / run_id
        try:
            with layout.run_lock(self._home, run_id, _LOCK_SECONDS):
                found = read_state(run_dir)
                if found.attempt != number or found.state not in ("starting", "running", "lost"):
                    return
                if (run_dir / layout.CANCEL).exists():
                    self._finish(watched, "cancelled", None)
                elif number - found.first + 1 >= MOST_ATTEMPTS:
                    self._finish(watched, "failed", self._failure(watched, reason))
                else:
                    requeue(run_dir, number + 1, found.first, reason)
        except Timeout:
            if wait:
                raise

    def _finish(self, watched: _Watched, state: str, error: dict[str, str] | None) -> None:
        path = layout.attempt_dir(self._home.runs / watched.run_id, watched.state.attempt) / layout.OUTCOME
        # Between machines, the lock alone does not keep a worker that lives on from writing after this.
        close(self._home.runs / watched.run_id, watched.state.attempt)
        write_sealed(path, {"state": state, "error": error, "t": time.time()})

    def _failure(self, watched: _Watched, reason: str) -> dict[str, str]:
        folder = layout.attempt_dir(self._home.runs / watched.run_id, watched.state.attempt)
        lines = [line for line in tail(folder / layout.LOG, _LOG_BYTES).splitlines() if line.strip()]
        message = f"{MOST_ATTEMPTS} attempts were lost; the last time {reason}"
        if lines:
            message += ". The log ends with:\n" + "\n".join(lines[-_LOG_LINES:])
        short = self._killed_for_memory(watched)
        hint = (
            "Lower the batch size, the probe size or the number of slots." if short else "Look at the log, then resume."
        )
        return {"kind": "out-of-memory" if short else "lost", "message": message, "hint": hint}

    def _reason(self, watched: _Watched) -> str:
        """How a worker came to be lost, as far as it is known."""
        code = self._launcher.exit_code(watched.run_id, watched.state.attempt)
        if code is None:
            reason = _vanished(watched.state.process)
        elif self._killed_for_memory(watched):
            reason = "the worker was killed by the system, probably out of memory"
        elif code < 0:
            reason = f"the worker was killed by {_signal_name(-code)}"
        else:
            reason = f"the worker ended with exit code {code} and wrote no outcome"
        try:
            check_floor(self._home.runs)
        except OutOfDisk as error:
            reason += f"; {error}"
        return reason

    def _killed_for_memory(self, watched: _Watched) -> bool:
        code = self._launcher.exit_code(watched.run_id, watched.state.attempt)
        return code == -signal.SIGKILL and not watched.killed and watched.memory.was_short()


def _vanished(process: dict[str, Any]) -> str:
    if not process:
        return f"the worker did not start within {START_SECONDS:g} s"
    if is_local(process) and not is_of_this_boot(process):
        return "the machine was restarted"
    return "the worker vanished"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
