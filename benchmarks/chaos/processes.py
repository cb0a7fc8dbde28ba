"""A queue worked off while its processes are killed and stopped, its index torn, its disk filled, its clock moved."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.chaos.faults import (
    HARMS,
    LOST,
    MENDED,
    NOT_INJECTED,
    SURVIVED,
    CannotInject,
    Injected,
    can_mount,
    environment,
    fill_disk,
    mount,
    read_only,
    send,
)
from benchmarks.chaos.judge import Watcher, stub_losses
from cu_core.base.home import Home
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.disk import FLOOR_VARIABLE
from cu_core.runstore.index import read_index, reindex
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.rows import optional_json
from cu_core.runstore.state import FINAL
from tests.jobs import programs, stubs

ROUNDS = 5
LEASE = 4.0
PATIENCE = 240.0
CLOCK = "CHAOS_CLOCK"
TIMING = f"tick=0.05 lease={LEASE} term=0.3 kill=3 idle=600"


@dataclass
class Queue:
    """Runs of the stand-in engine, and the dispatcher that works them off.

    Attributes:
        home: where the runs live.
        run_ids: of the runs that were submitted.
        rng: decides what happens when.
        environment: of the dispatcher and its workers.
    """

    home: Home
    rng: Random
    environment: dict[str, str]
    run_ids: list[str] = field(default_factory=list)
    dispatcher: subprocess.Popen[bytes] | None = None
    stopped: list[tuple[int, float]] = field(default_factory=list)

    def submit(self, count: int, width: int = 200) -> None:
        """Hands runs in."""
        for _ in range(count):
            words = f"rounds={ROUNDS} pause=0.2 width={width}"
            self.run_ids.append(submission.submit(stubs.spec(words), self.home, token=f"queue/{len(self.run_ids)}"))

    def dispatch(self) -> None:
        """Starts a dispatcher, unless one is there."""
        if self.dispatcher is None or self.dispatcher.poll() is not None:
            log = (self.home.root / "dispatcher.log").open("ab")
            self.dispatcher = subprocess.Popen(
                [sys.executable, programs.__file__, "dispatch"], env=self.environment, stdout=log, stderr=log
            )

    def workers(self) -> list[int]:
        """Process ids of the workers that have taken an attempt and are at it."""
        found = []
        for run_id in layout.run_ids(self.home.runs):
            view = open_run(self.home, run_id)
            if view.state == "running":
                found.append(int(view.run_state.process["pid"]))
        return found

    def wake(self, *, everybody: bool = False) -> None:
        """Continues the processes whose time has come."""
        now = time.monotonic()
        for pid, until in [one for one in self.stopped if everybody or one[1] < now]:
            self.stopped.remove((pid, until))
            send(pid, signal.SIGCONT)

    def finish(self) -> int:
        """Works the rest off, as a user would who resumes what has failed.

        Returns:
            How often a run had to be resumed by hand.
        """
        resumed = 0
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.wake()
            self.dispatch()
            rows = list_runs(self.home)
            for row in rows:
                if row.state == "failed":
                    submission.resume(self.home, row.run_id)
                    resumed += 1
            if not self.stopped and all(row.state == "succeeded" for row in rows):
                return resumed
            time.sleep(0.1)
        return resumed

    def end(self) -> None:
        """Ends all processes."""
        self.wake(everybody=True)
        if self.dispatcher is not None:
            self.dispatcher.kill()
            self.dispatcher.wait()
        programs.end_workers(self.home)


def kill_worker(queue: Queue) -> str | None:
    """SIGKILL to a worker at work."""
    at_work = queue.workers()
    return f"{pid}" if at_work and send(pid := queue.rng.choice(at_work), signal.SIGKILL) else None


def kill_dispatcher(queue: Queue) -> str | None:
    """SIGKILL to the dispatcher; another one is started later."""
    if (
        queue.dispatcher is None
        or optional_json(queue.home.root / "dispatcher.json").get("pid") != queue.dispatcher.pid
    ):
        return None
    queue.dispatcher.kill()
    queue.dispatcher.wait()
    return "killed"


def stop_worker(queue: Queue) -> str | None:
    """SIGSTOP to a worker, SIGCONT when its run was given to another."""
    at_work = [pid for pid in queue.workers() if pid not in [one for one, _ in queue.stopped]]
    if not at_work or not send(pid := queue.rng.choice(at_work), signal.SIGSTOP):
        return None
    seconds = LEASE + queue.rng.uniform(0.5, 3)
    queue.stopped.append((pid, time.monotonic() + seconds))
    return f"{pid} for {seconds:.1f} s"


def stop_dispatcher(queue: Queue) -> str | None:
    """SIGSTOP to the dispatcher for longer than a lease."""
    alive = queue.dispatcher is not None and queue.dispatcher.poll() is None
    if not alive or queue.dispatcher is None or queue.dispatcher.pid in [pid for pid, _ in queue.stopped]:
        return None
    send(queue.dispatcher.pid, signal.SIGSTOP)
    queue.stopped.append((queue.dispatcher.pid, time.monotonic() + LEASE + 1))
    return f"{LEASE + 1} s"


def kill_submitter(queue: Queue) -> str | None:
    """SIGKILL to a process that is handing in runs; it is done again with the same token."""
    token = f"killed-{len(queue.run_ids)}"
    # The same work in both goes: a known token keeps the run that it named first.
    words = f"rounds={ROUNDS}"
    command = [sys.executable, programs.__file__, "submit", token, "3", words]
    process = subprocess.Popen(command, env=queue.environment, stdout=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(queue.rng.uniform(0.5, 2.5))
    process.kill()
    process.wait()
    before = set(layout.run_ids(queue.home.runs))
    ids = [submission.submit(stubs.spec(words), queue.home, token=f"{token}/{n}") for n in range(3)]
    queue.run_ids += ids
    return f"{len(before & set(ids))} of 3 were in"


def harm_index(harm: str) -> Callable[[Queue], str | None]:
    """Harm to the index while it is in use."""

    def inject(queue: Queue) -> str | None:
        path = queue.home.index
        if not path.exists() or not path.stat().st_size:
            return None
        HARMS[harm](path, queue.rng)
        return path.name

    return inject


def harm_announcement(queue: Queue) -> str | None:
    """The file that names the dispatcher is torn."""
    path = queue.home.root / "dispatcher.json"
    if not path.exists():
        return None
    HARMS[queue.rng.choice(("flip", "truncate", "delete"))](path, queue.rng)
    return path.name


def move_clock(queue: Queue) -> str | None:
    """The clock of dispatcher and workers jumps, while the one of the disk goes on."""
    seconds = queue.rng.choice((-86400, -3600, -61, -5, 5, 61, 3600, 86400))
    Path(queue.environment[CLOCK]).write_text(str(seconds))
    return f"{seconds:+d} s"


PROCESS_FAULTS: dict[str, Callable[[Queue], str | None]] = {
    "kill worker": kill_worker,
    "kill dispatcher": kill_dispatcher,
    "stop worker past its lease": stop_worker,
    "stop dispatcher": stop_dispatcher,
    "kill submitter": kill_submitter,
    "delete index": harm_index("delete"),
    "flip index": harm_index("flip"),
    "overwrite index": harm_index("overwrite"),
    "truncate index": harm_index("truncate"),
    "harm dispatcher.json": harm_announcement,
    "move clock": move_clock,
}
_WEIGHTS = (8, 3, 2, 1, 1, 1, 1, 1, 1, 1, 2)


def attack_queue(folder: Path, rng: Random, count: int) -> list[Injected]:
    """Works a queue off while `count` faults happen to it."""
    home = Home(folder / "home").create()
    queue = Queue(home, rng, _environment(home, folder))
    injected: list[tuple[str, str]] = []
    queue.submit(max(2, count // 2))
    with Watcher(home) as watcher:
        try:
            end = time.monotonic() + PATIENCE
            while len(injected) < count and time.monotonic() < end:
                queue.dispatch()
                time.sleep(rng.uniform(0.05, 0.4))
                queue.wake()
                kind = rng.choices(list(PROCESS_FAULTS), _WEIGHTS)[0]
                what = PROCESS_FAULTS[kind](queue)
                if what is not None:
                    injected.append((kind, what))
                if all(row.state in FINAL for row in list_runs(home)):
                    queue.submit(2)
            resumed = queue.finish()
            wrong = stub_losses(home, queue.run_ids, ROUNDS) + watcher.wrong
        finally:
            queue.end()
    wrong += _index_again(home)
    return [_judged(kind, what, wrong, resumed) for kind, what in injected]


def _judged(kind: str, what: str, wrong: list[str], resumed: int) -> Injected:
    if wrong:
        return Injected(kind, LOST, f"{what}; {wrong[:5]}")
    mended = kind.endswith("index") or (resumed > 0 and kind in ("kill worker", "stop worker past its lease"))
    return Injected(kind, MENDED if mended else SURVIVED, what)


def _index_again(home: Home) -> list[str]:
    """What `reindex` does not make good."""
    rows = list_runs(home)
    count = reindex(home)
    entries = read_index(home)
    if count != len(rows) or sorted(entries) != sorted(row.run_id for row in rows) or list_runs(home) != rows:
        return [f"reindex finds {count} of {len(rows)} runs, or other rows"]
    return []


def _environment(home: Home, folder: Path) -> dict[str, str]:
    """Of processes whose clock the file `CLOCK` moves."""
    clock = folder / "clock"
    clock.write_text("0")
    return os.environ | {
        "CU_HOME": str(home.root),
        "CU_SLOTS": "cpu:3",
        "STUB_TIMING": TIMING,
        CLOCK: str(clock),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "clock"), os.environ.get("PYTHONPATH", "")]),
    }


@contextlib.contextmanager
def _tiny_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_the_disk(folder: Path, rng: Random, count: int) -> list[Injected]:
    """Fills the disk of a queue to the last byte, frees it, and so on."""
    kind = "fill disk"
    if not can_mount():
        return []
    injected = []
    with _tiny_disk(folder / "disk", "24m") as disk, environment(**{FLOOR_VARIABLE: "0"}):
        home = Home(disk / "home").create()
        queue = Queue(home, rng, _environment(home, folder))
        queue.submit(3, width=2000)
        with Watcher(home) as watcher:
            try:
                for _ in range(count):
                    queue.dispatch()
                    if all(row.state in FINAL for row in list_runs(home)):
                        queue.submit(1, width=2000)
                    _wait(lambda: bool(queue.workers()), 30)
                    time.sleep(rng.uniform(0, 1))
                    filler = fill_disk(disk)
                    time.sleep(rng.uniform(0.3, 1.5))
                    reasons = [(row.state, row.error) for row in list_runs(home)]
                    filler.unlink()
                    injected.append(f"{sum(state == 'failed' for state, _ in reasons)} failed meanwhile")
                queue.finish()
                wrong = stub_losses(home, queue.run_ids, ROUNDS) + watcher.wrong
            finally:
                queue.end()
        wrong += _index_again(home)
    return [Injected(kind, LOST if wrong else MENDED, f"{what}; {wrong[:5]}") for what in injected]


def forbid_writing(folder: Path, rng: Random, count: int) -> list[Injected]:
    """Makes the directory of a run at work read-only for a while; other runs must go on meanwhile."""
    kind = "read-only run"
    if not can_mount():
        return []
    home = Home(folder / "home").create()
    queue = Queue(home, rng, _environment(home, folder) | {"CU_SLOTS": "cpu:2"})
    injected: list[tuple[bool, str]] = []
    refused: list[Injected] = []
    with Watcher(home) as watcher:
        try:
            while len(injected) < count and len(refused) <= count:
                queue.submit(1)
                queue.dispatch()
                run_id = queue.run_ids[-1]
                run_dir = home.runs / run_id
                _wait(lambda run_dir=run_dir: bool(optional_json(run_dir / "attempt-1" / layout.PID)), 60)
                time.sleep(rng.uniform(0, 1))
                try:
                    with read_only(run_dir):
                        queue.submit(1)
                        other = queue.run_ids[-1]
                        passed = _wait(lambda other=other: open_run(home, other).state == "succeeded", 60)
                except CannotInject as error:
                    refused.append(Injected(kind, NOT_INJECTED, str(error)))
                    continue
                state = open_run(home, run_id).state
                injected.append((passed, f"the other run {'went on' if passed else 'waited'}; this one is {state}"))
            resumed = queue.finish()
            wrong = stub_losses(home, queue.run_ids, ROUNDS) + watcher.wrong
        finally:
            queue.end()
    outcome = MENDED if resumed else SURVIVED
    return [
        Injected(kind, outcome if passed and not wrong else LOST, f"{what}; {wrong[:5]}") for passed, what in injected
    ] + refused


def _wait(wanted: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if wanted():
            return True
        time.sleep(0.05)
    return False
