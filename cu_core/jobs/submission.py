"""Submitting, cancelling, resuming, deleting and restoring runs.

Each changes files under the run's lock and returns; the dispatcher does the rest. Importing this
needs no torch.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.errors import DISK_FULL, BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.process import identity
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs.acceptance import accepted
from cu_core.projections.map_store import drop_orphans
from cu_core.runstore import layout
from cu_core.runstore.checksums import file_damage, write_sealed
from cu_core.runstore.disk import check_floor
from cu_core.runstore.handover import make_attempt, requeue
from cu_core.runstore.index import list_runs
from cu_core.runstore.rows import original_of
from cu_core.runstore.staging import appearing
from cu_core.runstore.state import ACTIVE, FINAL, FOREGROUND, RunState, read_state

DELETED = "deleted.json"
_SLUG_LENGTH = 40


def submit(
    spec: RunSpec,
    home: Home,
    *,
    token: str | None = None,
    demo: bool = False,
    foreground: bool = False,
    owner: str = "",
    admit: Callable[[], None] = lambda: None,
) -> str:
    """Puts a run into the queue.

    Args:
        spec: what to run; relative paths in it are taken from the present folder.
        home: where runs live; created if missing.
        token: of whoever submits; the same token never makes a second run, even from two
            processes at once.
        demo: marks runs that ship with the project.
        foreground: the caller does the work itself: the run starts out with attempt 1 made, to be
            taken with ``Attempt.claim(home, run_id, 1)``, and the dispatcher leaves it alone.
        owner: who launches it through a shared dashboard; empty for the home's owner.
        admit: asked before a new run appears, while no other can; may raise to refuse it.

    Returns:
        The run's id; for a known token, that of its run, which may lie in the bin.

    Raises:
        BadInput: the specification cannot run; names the field.
        OutOfDisk: too little free space.
    """
    spec = accepted(spec, home)
    home.create()
    check_floor(home.runs)
    with layout.submit_lock(home):
        run_id, known = _id_for(home, spec, token)
        if known:
            return run_id
        admit()
        with appearing(home.runs / run_id, ".submit-") as prepared:
            write_json(prepared / layout.SPEC, spec.to_json())
            write_sealed(prepared / layout.INFO, _info(spec, run_id, token, demo, owner))
            if foreground:
                make_attempt(prepared, read_state(prepared), {"launcher": FOREGROUND} | identity())
    return run_id


def cancel(home: Home, run_id: str) -> str:
    """Asks a run to stop; a queued one is cancelled at once, a running one within a batch.

    Returns:
        The state now; a finished run stays as it is.

    Raises:
        BadInput: no such run.
    """
    with _locked(home, run_id) as run_dir:
        if read_state(run_dir).state not in FINAL:
            (run_dir / layout.CANCEL).touch()
        return read_state(run_dir).state


def resume(home: Home, run_id: str) -> None:
    """Queues a failed, cancelled or lost run again; it goes on from its last checkpoint.

    Raises:
        BadInput: no such run, or it is running or has succeeded.
        OutOfDisk: too little free space.
    """
    check_floor(home.runs)
    with _locked(home, run_id) as run_dir:
        found = read_state(run_dir)
        if found.state != "queued":
            _requeue(run_dir, run_id, found)


def resume_here(home: Home, run_id: str) -> int:
    """Like `resume`, for a caller that does the work itself; see ``foreground`` of `submit`.

    A queued run is taken over from the queue.

    Returns:
        Number of the attempt, to be taken with ``Attempt.claim``.

    Raises:
        BadInput: no such run, or it is running or has succeeded.
        OutOfDisk: too little free space.
    """
    check_floor(home.runs)
    with _locked(home, run_id) as run_dir:
        found = read_state(run_dir)
        if found.state != "queued":
            _requeue(run_dir, run_id, found)
        return make_attempt(run_dir, read_state(run_dir), {"launcher": FOREGROUND} | identity())


def delete(home: Home, run_id: str) -> None:
    """Moves a run into the bin.

    Raises:
        BadInput: no such run, or it is running.
    """
    with _locked(home, run_id, freeing=True) as run_dir:
        state = read_state(run_dir).state
        if state in ACTIVE:
            raise BadInput("run", f"{run_id} is {state}; cancel it before deleting it")
        with _unless_full():
            write_json(run_dir / DELETED, {"t": time.time()})
        os.rename(run_dir, home.bin / run_id)


def restore(home: Home, run_id: str) -> None:
    """Takes a run out of the bin, as it was; one that was queued is queued again.

    Raises:
        BadInput: no such run in the bin.
    """
    binned_dir = _binned_dir(home, run_id)
    with _held(home, run_id, freeing=True):
        if (home.runs / run_id).exists():
            raise BadInput("run", f"{run_id} exists already")
        try:
            os.rename(binned_dir, home.runs / run_id)
        except FileNotFoundError:
            raise BadInput("run", f"{run_id} is not in the bin any more") from None
        (home.runs / run_id / DELETED).unlink(missing_ok=True)


@dataclass(frozen=True)
class Binned:
    """A deleted run: id, title, when it was deleted (unix seconds) and who launched it."""

    run_id: str
    title: str
    deleted: float
    owner: str = ""


def binned(home: Home) -> list[Binned]:
    """The runs in the bin, latest deletion first."""
    found = []
    for run_id in layout.run_ids(home.bin):
        folder = home.bin / run_id
        title = _field(folder / layout.INFO, "title")
        # On a full disk no note could be left; then the folder tells when it was moved.
        moment = _field(folder / DELETED, "t") or _moved(folder)
        owner = _field(folder / layout.INFO, "owner")
        found.append(Binned(run_id, str(title or run_id), float(moment), str(owner or "")))
    return sorted(found, key=lambda b: (-b.deleted, b.run_id))


def _moved(folder: Path) -> float:
    try:
        return folder.stat().st_ctime
    except OSError:
        return 0.0


def empty_bin(home: Home, run_ids: Iterable[str] | None = None) -> int:
    """Removes deleted runs for good, with the pictures that were drawn of them.

    Args:
        home: whose bin.
        run_ids: only these; all by default.

    Returns:
        How many were removed.

    Raises:
        BadInput: one of `run_ids` is not in the bin.
    """
    folders = (
        [home.bin / run_id for run_id in layout.run_ids(home.bin)]
        if run_ids is None
        else [_binned_dir(home, run_id) for run_id in run_ids]
    )
    for folder in folders:
        with _held(home, folder.name, freeing=True) as lock_file:
            shutil.rmtree(folder, ignore_errors=True)
            lock_file.unlink(missing_ok=True)
    drop_orphans(home)
    return len(folders)


def work_waiting(home: Home) -> bool:
    """Whether a dispatcher has something to do: a run is queued, or one of its workers is at work or lost."""
    rows = [row for row in list_runs(home) if not row.copy_of]
    return any(row.state == "queued" or (row.state not in FINAL and not row.foreground) for row in rows)


def _info(spec: RunSpec, run_id: str, token: str | None, demo: bool, owner: str) -> dict[str, Any]:
    return {
        "schema": layout.SCHEMA,
        "run_id": run_id,
        "token": token,
        "submitted": time.time(),
        "spec_hash": spec.content_hash(),
        # A copy: what was asked for is the one thing that nobody could work out again.
        "spec": spec.to_json(),
        "title": spec.title,
        "group": spec.group,
        "demo": demo,
        "owner": owner,
    }


def _requeue(run_dir: Path, run_id: str, found: RunState) -> None:
    if original := original_of(run_dir):
        raise BadInput("run", f"{run_id} is a copy of {original}; go on with that one")
    if found.state in ACTIVE:
        raise BadInput("run", f"{run_id} is {found.state}")
    if found.state == "succeeded":
        raise BadInput("run", f"{run_id} has succeeded; clone it to run it again")
    # The flag goes last: with it still there, the run stays cancelled whatever happens in between.
    number = found.next_attempt
    requeue(run_dir, number, number, "")
    (run_dir / layout.CANCEL).unlink(missing_ok=True)


@contextmanager
def _locked(home: Home, run_id: str, *, freeing: bool = False) -> Iterator[Path]:
    """The run's lock around its folder, which is checked before and after waiting for it."""
    layout.run_dir(home, run_id)
    with _held(home, run_id, freeing=freeing):
        yield layout.run_dir(home, run_id)


@contextmanager
def _held(home: Home, run_id: str, *, freeing: bool) -> Iterator[Path]:
    """The run's lock, given its file; what frees space goes on without it where the disk has no room for that file."""
    lock = layout.run_lock(home, run_id)
    with ExitStack() as stack:
        # There is no such file then: nobody holds the lock, and nobody can take it or write anything into the run.
        with _unless_full() if freeing else nullcontext():
            stack.enter_context(layout.held(lock, BadInput("run", f"{run_id} is held by another process; try again")))
        yield Path(lock.lock_file)


@contextmanager
def _unless_full() -> Iterator[None]:
    """Goes on where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise


def _binned_dir(home: Home, run_id: str) -> Path:
    if not layout.is_run_id(run_id) or not (home.bin / run_id).is_dir():
        raise BadInput("run", f"{run_id!r} is not in the bin", [b.run_id for b in binned(home)])
    return home.bin / run_id


def _id_for(home: Home, spec: RunSpec, token: str | None) -> tuple[str, bool]:
    """The id for a submission, and whether its run exists already."""
    words = (
        spec.name or f"{spec.data.dataset.rpartition('/')[2]} {spec.method.id} {spec.forget.select.rpartition('/')[2]}"
    )
    slug = re.sub(r"[^a-z0-9]+", "-", words.lower())[:_SLUG_LENGTH].strip("-") or "run"
    existing = [folder / run_id for folder in (home.runs, home.bin) for run_id in layout.run_ids(folder)]
    source = uuid.uuid4().hex if token is None else token
    # Eight digits of a token's hash name its run; another token with the same digits takes the next number.
    for number in itertools.count():
        suffix = _hash(f"{source}\n{number}")
        same = [folder for folder in existing if folder.name.endswith(f"-{suffix}")]
        for folder in same:
            if token is not None and _is_for(folder, token):
                return folder.name, True
        if not same:
            return f"{time.strftime('%Y%m%d')}-{slug}-{suffix}", False
    raise AssertionError("unreachable")


def _is_for(folder: Path, token: str) -> bool:
    """Whether a run with the digits of a token was submitted with it."""
    info = folder / layout.INFO
    # Two tokens share their digits once in four billion times; a damaged file is far more likely.
    known = _field(info, "token") == token or _field(info, "token_lost") is True
    return known or not info.exists() or file_damage(info) is not None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _field(path: Path, name: str) -> Any:
    try:
        return read_json(path)[name]
    except (OSError, ValueError, KeyError, TypeError):
        return None
