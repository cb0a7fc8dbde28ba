"""Names inside a home: run ids, run directories, attempts and the locks that guard them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cu_core.base.errors import BadInput, did_you_mean
from cu_core.base.home import Home

SCHEMA = 1
LOCK_SECONDS = 60.0

SPEC = "spec.json"
INFO = "run.json"
ANNOTATIONS = "annotations.json"
RESULT = "result.json"
CANCEL = "cancel"
REQUEUE = "requeue.json"
PROBE = "probe.parquet"
AUDIT = "audit"
TSNE = "projection/tsne"
DATASET = "dataset.json"
BEFORE = "before.json"
THREADS = "threads.json"
GIVEN = "given.json"
CHECKPOINT = "checkpoint.pt"
WEIGHTS = "weights.pt"
ROUND_WEIGHTS = "weights.safetensors"
MANIFEST = "manifest.json"
CHECKSUMS = "checksums.json"
SET_ASIDE = "damaged"

LAUNCH = "launch.json"
PID = "pid.json"
HEARTBEAT = "heartbeat"
EVENTS = "events.jsonl"
LOG = "worker.log"
OUTCOME = "outcome.json"
STAGING = "staging"
JOB = "job.json"

SHARED = "shared.json"
SLURM = "slurm"
PROCESSES = "processes"

# Short enough for every filesystem, and nothing in it can name another folder.
_RUN_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_NUMBERED = re.compile(r"0|[1-9][0-9]{0,9}")
# Comparing takes time with their number.
_MOST_COMPARED = 1000
_ATTEMPT = re.compile(r"attempt-([1-9][0-9]{0,5})")


def is_run_id(text: object) -> bool:
    """Whether a text has the form of a run id: 1 to 64 of a-z, 0-9 and inner hyphens."""
    return isinstance(text, str) and _RUN_ID.fullmatch(text) is not None


def run_dir(home: Home, run_id: str) -> Path:
    """The folder of a run that exists.

    Raises:
        BadInput: a malformed id, no such run, or a run that lies in the bin.
    """
    if not is_run_id(run_id):
        raise BadInput("run", f"{run_id!r} is not a run id", ("letters a-z, digits and hyphens",))
    folder = home.runs / run_id
    if not folder.is_dir():
        where = "was deleted and lies in the bin" if (home.bin / run_id).is_dir() else "does not exist"
        raise BadInput("run", f"{run_id} {where}{did_you_mean(run_id, run_ids(home.runs)[:_MOST_COMPARED])}")
    return folder


def run_ids(folder: Path) -> list[str]:
    """Ids of the runs in ``home.runs`` or ``home.bin``, in no particular order."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if is_run_id(entry.name) and entry.is_dir()]
    except FileNotFoundError:
        return []


def attempts(run_dir: Path) -> list[int]:
    """Numbers of the attempts at a run, ascending."""
    try:
        names = os.listdir(run_dir)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(match[1]) for match in map(_ATTEMPT.fullmatch, names) if match)


def attempt_dir(run_dir: Path, number: int) -> Path:
    """The folder of one attempt."""
    return run_dir / attempt_name(number)


def attempt_name(number: int) -> str:
    """Name of the folder of one attempt."""
    return f"attempt-{number}"


def numbered(folder: Path) -> list[int]:
    """Numbers of the subfolders that hold a manifest (rounds, reference seeds), ascending."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(n) for n in names if _NUMBERED.fullmatch(n) and (folder / n / MANIFEST).exists())


def locks(home: Home) -> Path:
    """Folder of the lock files; outside the run directories, so that those can be moved while locked."""
    return home.root / "locks"


def run_lock(home: Home, run_id: str, seconds: float = LOCK_SECONDS) -> FileLock:
    """The lock under which a run changes hands: attempts, promotions, cancel, delete.

    Args:
        home: where the run lives.
        run_id: of the run.
        seconds: how long to wait for it; `filelock.Timeout` after that.
    """
    return FileLock(locks(home) / f"{run_id}.lock", timeout=seconds)


def dispatcher_lock(home: Home, seconds: float = 0.0) -> FileLock:
    """The lock that the one dispatcher holds for as long as it lives; whoever holds it may write the index."""
    return FileLock(locks(home) / "dispatcher.lock", timeout=seconds)


@contextmanager
def submit_lock(home: Home, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """The lock under which run directories appear.

    Args:
        home: where.
        seconds: how long to wait for it.

    Raises:
        BadInput: another process held it all that time.
    """
    reason = f"another process has been adding to {home.root} for {seconds:g} s; try again"
    with held(FileLock(locks(home) / "submit.lock", timeout=seconds), BadInput("home", reason)):
        yield


@contextmanager
def held(lock: FileLock, error: BadInput) -> Iterator[None]:
    """Holds a lock; raises the error where others hold it for as long as it waits."""
    try:
        lock.acquire()
    except Timeout:
        raise error from None
    try:
        yield
    finally:
        lock.release()
