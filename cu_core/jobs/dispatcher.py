"""The one process that starts workers and writes the index: ``python -m cu_core dispatch``.

It keeps nothing in memory that matters: killed at any moment, the next one goes on from the files,
and the workers do not even notice.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import Timeout

from cu_core.base.errors import BadInput, os_errors_in_words
from cu_core.base.files import write_json
from cu_core.base.home import Home
from cu_core.base.process import identity, is_alive
from cu_core.jobs.cluster import ClusterSettings, cluster_slots, read_settings
from cu_core.jobs.command import COMMAND, processes_of
from cu_core.jobs.launchers.launcher import Launcher, Unreachable, make_launcher
from cu_core.jobs.launchers.local import spawn
from cu_core.jobs.slots import Slot, choose_slot, find_slots, slots_of
from cu_core.jobs.submission import work_waiting
from cu_core.jobs.supervisor import Supervisor, Timing
from cu_core.runstore import layout
from cu_core.runstore.handover import new_attempt, withdraw
from cu_core.runstore.index import (
    SETTLED_SECONDS,
    Entry,
    Index,
    make_entry,
    read_index,
    rebuild_request,
    remove_index,
    stamp_of,
)
from cu_core.runstore.rows import optional_json
from cu_core.runstore.state import ACTIVE, FINAL, RunState, read_state

_LOG_LIMIT = 1_000_000
_LOCK_SECONDS = 0.5
_TAKE_OVER_SECONDS = 30.0
# Looking at ended runs takes at most a twentieth of the time, and never rests longer than this.
_REST = 20.0
_LONGEST_REST = 5.0


def dispatcher_alive(home: Home) -> bool:
    """Whether a dispatcher looks after this home."""
    return is_alive(optional_json(_who(home)))


def dispatcher_words(home: Home) -> str:
    """Why the dispatcher at work can start nothing at present; empty if it can, or if none is at work."""
    who = optional_json(_who(home))
    return str(who.get("waits") or "") if is_alive(who) else ""


def cluster_words(home: Home) -> str:
    """Where the dispatcher at work sends runs, or where one that is started from here would; empty for this machine.

    Raises:
        BadInput: the environment names a launcher or an address that cannot be used.
    """
    who = optional_json(_who(home))
    if is_alive(who):
        places, where, name = who.get("slots"), str(who.get("where") or ""), str(who.get("launcher")).capitalize()
        count = len(places) if isinstance(places, list) else 0
        where = f"{name} {where}" if where and not where.startswith(name) else where
    else:
        settings = read_settings()
        count, where = settings.slots, settings.words if settings.launcher != "local" else ""
    return f"{where} · up to {count} run{'s' if count != 1 else ''} at a time" if where else ""


@os_errors_in_words()
def ensure_dispatcher(home: Home) -> bool:
    """Starts a detached dispatcher if none is alive; it ends by itself when there is nothing to do.

    Returns:
        Whether one was started.
    """
    if dispatcher_alive(home):
        return False
    log = home.create().root / "dispatcher.log"
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.unlink(missing_ok=True)
    spawn((*COMMAND, "dispatch"), home, log)
    return True


def serve(
    home: Home,
    drain: bool = False,
    *,
    settings: ClusterSettings | None = None,
    launcher: Launcher | None = None,
    slots: Sequence[Slot] | None = None,
    timing: Timing | None = None,
) -> int:
    """Works off the queue until there is nothing to do for a while, the home vanishes or SIGTERM comes.

    Workers live on when it ends. Where another dispatcher is at work, this one leaves it to it; with
    `drain` it waits until the work is done.

    Args:
        home: whose queue.
        drain: return as soon as no run is queued or at work.
        settings: where runs work; read from the environment by default.
        launcher: starts the workers; made from the settings by default.
        slots: how many at once, and where; found out by default.
        timing: how patient to be.

    Returns:
        Exit code: 0.

    Raises:
        BadInput: ``CU_SLOTS`` or a setting of the launcher cannot be used.
    """
    if launcher is None:
        settings = settings or read_settings()
        launcher = make_launcher(home.create(), settings)
        slots = cluster_slots(settings) if slots is None and launcher.where else slots
    slots = find_slots() if slots is None else slots
    timing = timing or Timing()
    lock = layout.dispatcher_lock(home.create(), _LOCK_SECONDS)
    began = time.monotonic()
    while True:
        try:
            lock.acquire()
            break
        except Timeout:
            if drain and not work_waiting(home):
                return 0
            # Without a living owner the lock is about to be let go, or held for a rebuilt index.
            waited = time.monotonic() - began > _TAKE_OVER_SECONDS
            if not drain and (dispatcher_alive(home) or waited):
                print("another dispatcher is at work", file=sys.stderr)
                return 0
    try:
        Dispatcher(home, launcher, slots, timing).run(drain)
    finally:
        lock.release()
    return 0


class Dispatcher:
    """The loop; the caller holds the dispatcher's lock.

    Args:
        home: whose queue.
        launcher: starts the workers.
        slots: how many at once, and where.
        timing: how patient to be.
    """

    def __init__(self, home: Home, launcher: Launcher, slots: Sequence[Slot], timing: Timing) -> None:
        self._home = home
        self._launcher = launcher
        self._slots = list(slots)
        self._timing = timing
        self._supervisor = Supervisor(home, launcher, timing)
        self._entries: dict[str, Entry] = {}
        self._stamps: dict[str, str] = {}
        self._next_full_look = 0.0
        self._troubles: dict[str, str] = {}
        self._waits = ""
        self._index: Index | None = None
        self._end = threading.Event()

    def run(self, drain: bool) -> None:
        """Loops until there is a reason to end; see `serve`."""
        with _ending_on_signals(self._end):
            self._announce()
            try:
                self._loop(drain)
            finally:
                _who(self._home).unlink(missing_ok=True)
                if self._index is not None:
                    self._index.close()

    def end(self) -> None:
        """Makes `run` return soon; safe to call from another thread."""
        self._end.set()

    def _loop(self, drain: bool) -> None:
        last_work = time.monotonic()
        while not self._end.is_set() and self._home.runs.is_dir():
            if self._tick():
                last_work = time.monotonic()
            elif drain or time.monotonic() - last_work > self._timing.idle:
                # Whoever submits looks first whether a dispatcher is announced. Unannounced, one more
                # look finds all runs whose submitters still relied on this one. It comes when the index
                # may vouch for the last changes, too.
                _who(self._home).unlink(missing_ok=True)
                self._end.wait(2 * SETTLED_SECONDS)
                self._next_full_look = 0.0
                if not self._tick():
                    return
                self._announce()
                last_work = time.monotonic()
            self._end.wait(self._timing.tick)

    def _announce(self) -> None:
        about = {"t": time.time(), "slots": [slot.name for slot in self._slots], "waits": self._waits}
        about |= {"launcher": self._launcher.name, "where": self._launcher.where}
        write_json(_who(self._home), identity() | about)

    def _tick(self) -> bool:
        """One look at everything; tells whether there is work."""
        try:
            self._keep_index()
            live = self._scan()
            self._supervisor.look(live)
            self._start(live)
        except OSError as error:
            # A full disk or a vanished folder; the next look may fare better.
            if self._home.runs.is_dir():
                print(f"dispatcher: {error}", file=sys.stderr, flush=True)
        return any(_is_work(entry) for entry in self._entries.values())

    def _scan(self) -> dict[str, RunState]:
        """Brings the entries up to date and returns the runs that are starting, running or lost."""
        live = {}
        run_ids = layout.run_ids(self._home.runs)
        for run_id in self._stale(run_ids):
            run_dir = self._home.runs / run_id
            known = self._entries.get(run_id)
            try:
                found = read_state(run_dir)
                stamp = stamp_of(run_dir, found.attempt)
                same = known is not None and known.stamp and known.row.state == found.state
                if not same or stamp != self._stamps.get(run_id):
                    self._remember(run_id, make_entry(run_dir), stamp)
            except Exception:
                # One strange run directory must not keep the others waiting.
                traceback.print_exc()
                continue
            if found.state in (*ACTIVE, "lost") and not self._entries[run_id].row.copy_of:
                live[run_id] = found
        for run_id in self._entries.keys() - set(run_ids):
            self._forget(run_id)
        return live

    def _stale(self, run_ids: Sequence[str]) -> list[str]:
        """The runs whose entry may not say what the files say.

        Ended runs change only when somebody resumes them, and with ten thousand of them asking the disk takes longer
        than all other work; so they are looked at as often as a small part of the time allows.
        """
        began = time.monotonic()
        all_of_them = began >= self._next_full_look
        runs = os.fspath(self._home.runs)
        stale = []
        for run_id in run_ids:
            known = self._entries.get(run_id)
            if known is not None and known.stamp:
                rests = known.row.state in FINAL and not all_of_them
                if rests or known.is_fresh(f"{runs}/{run_id}"):
                    continue
            stale.append(run_id)
        if all_of_them:
            now = time.monotonic()
            self._next_full_look = now + min(_LONGEST_REST, _REST * (now - began))
        return stale

    def _remember(self, run_id: str, entry: Entry, stamp: str) -> None:
        self._stamps[run_id] = stamp
        self._entries[run_id] = entry
        self._write_index(lambda index: index.put(run_id, entry))

    def _forget(self, run_id: str) -> None:
        del self._entries[run_id]
        self._write_index(lambda index: index.remove(run_id))

    def _start(self, live: dict[str, RunState]) -> None:
        """Gives free slots to the runs that wait longest; for one that wants several, they are kept free."""
        waits = self._launcher.waits()
        if waits != self._waits:
            self._waits = waits
            print(f"dispatcher: {waits or 'workers can be started again'}", file=sys.stderr, flush=True)
            self._announce()
        if waits:
            return
        at_work = [found for found in live.values() if found.state in ACTIVE and not found.foreground]
        taken = {name for found in at_work for name in slots_of(found.launch.get("slot"))}
        free = [slot for slot in self._slots if slot.name not in taken]
        queue = sorted(
            (e.row for e in self._entries.values() if e.row.state == "queued" and not e.row.copy_of),
            key=lambda row: (row.submitted, row.run_id),
        )
        for row in queue:
            if not free:
                return
            run_dir = self._home.runs / row.run_id
            device, processes = str(optional_json(run_dir / layout.SPEC).get("device", "")), processes_of(run_dir)
            slot = choose_slot(free, self._slots, device, processes)
            if slot is None and processes > 1:
                # Small runs that came later would take each slot as it becomes free, and this one would never start.
                return
            if slot is not None and self._launch(row.run_id, slot):
                free = [other for other in free if other.name not in slots_of(slot.name)]

    def _launch(self, run_id: str, slot: Slot) -> bool:
        launch = {"launcher": self._launcher.name, "slot": slot.name, "dispatcher": identity()["pid"]}
        if self._launcher.where:
            launch["queue"] = self._launcher.where
        try:
            number = new_attempt(self._home, run_id, launch, seconds=_LOCK_SECONDS)
        except (BadInput, Timeout):
            # Cancelled, deleted or taken over since it was read; the next look shows it as it is.
            return False
        except OSError as error:
            # The others need not wait for a run whose directory cannot be written.
            reason = error.strerror or str(error)
            if reason != self._troubles.get(run_id):
                self._troubles[run_id] = reason
                print(f"dispatcher: {run_id}: {reason}", file=sys.stderr, flush=True)
            return False
        try:
            self._launcher.launch(self._home, run_id, number, slot)
        except Unreachable as error:
            withdraw(self._home, run_id, number, str(error))
            return False
        return True

    def _keep_index(self) -> None:
        """Opens the index, anew where it was deleted, damaged or is asked for."""
        request = rebuild_request(self._home)
        asked = request.exists()
        if self._index is not None and (asked or not self._index.in_place()):
            self._drop_index()
        if asked:
            remove_index(self._home)
        if self._index is None:
            try:
                self._index = Index(self._home)
            except (sqlite3.Error, OSError) as error:
                print(f"dispatcher: no index: {error}", file=sys.stderr, flush=True)
                return
            self._entries, self._stamps = read_index(self._home), {}
        if asked:
            self._scan()
            request.unlink(missing_ok=True)

    def _write_index(self, write: Callable[[Index], None]) -> None:
        """Writes the index if that is possible; nothing depends on it."""
        if self._index is None:
            return
        try:
            write(self._index)
        except sqlite3.DatabaseError as error:
            print(f"dispatcher: index: {error}", file=sys.stderr, flush=True)
            self._drop_index()
            # Busy or out of space is no damage; the rows that it lacks are read from the files.
            if not isinstance(error, sqlite3.OperationalError):
                remove_index(self._home)

    def _drop_index(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None


@contextlib.contextmanager
def _ending_on_signals(end: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: end.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_work(entry: Entry) -> bool:
    row = entry.row
    if row.copy_of:
        return False  # whoever works on the original does not work on it
    return row.state == "queued" or (row.state not in FINAL and not row.foreground)


def _who(home: Home) -> Path:
    return home.root / "dispatcher.json"
