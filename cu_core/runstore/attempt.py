"""`Attempt`, one try at a run: claims it, writes rounds and events, and records the outcome.

Everything an attempt leaves behind goes through here, so that two promises hold: a reader never
sees half of anything, and an attempt that was replaced cannot write any more. For the second, a
new attempt is made and results are put in place under the same lock. Between machines a lock may not
hold, nor is a new folder seen at once. So there is a second fence, which needs neither: whatever an
attempt puts in place or takes away is renamed out of, or into, its own staging folder, and whoever makes
the next attempt removes that folder first. It never comes back, and the rename of a late one fails.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from cu_core.base.errors import BadInput, Cancelled, OutOfDisk, Replaced
from cu_core.base.files import plain, read_json, sha256_of, write_npy
from cu_core.base.home import Home
from cu_core.base.process import identity
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.runstore import layout
from cu_core.runstore.checksums import damage_of, note, sealed, spec_damage, write_sealed
from cu_core.runstore.disk import check_floor
from cu_core.runstore.rows import optional_json
from cu_core.runstore.staging import naming_full_disk, stage

HEARTBEAT_SECONDS = 2.0
SPARE = "outcome-disk-full.json"
DISK_HINT = "Free some space (empty the bin, delete runs or cached models), then resume the run."

# What a rename says when the folder that it starts from is gone, on this machine or on a file server.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)

_FOLDER = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)*")
_FILE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class Attempt:
    """What the engine writes through.

    Attributes:
        home: where runs, datasets and models live.
        run_id: of the run.
        run_dir: its folder.
        number: of this attempt, from 1.
        folder: of this attempt, below `run_dir`.
    """

    def __init__(self, home: Home, run_id: str, number: int) -> None:
        self.home = home
        self.run_id = run_id
        self.run_dir = layout.run_dir(home, run_id)
        self.number = number
        self.folder = layout.attempt_dir(self.run_dir, number)
        self._stop = threading.Event()
        self._next = str(layout.attempt_dir(self.run_dir, number + 1))
        self._cancel = str(self.run_dir / layout.CANCEL)
        self._requeue = str(self.run_dir / layout.REQUEUE)
        self._outcome = str(self.folder / layout.OUTCOME)
        self._requeue_seen: tuple[int, int] | None = None
        self._written: dict[str, str] = {}

    @classmethod
    def claim(cls, home: Home, run_id: str, number: int) -> Self:
        """Takes an attempt for this process; only one process ever can.

        Raises:
            BadInput: no such run or attempt.
            Replaced: another process has it, or a newer attempt exists.
        """
        attempt = cls(home, run_id, number)
        if not attempt.folder.is_dir():
            raise BadInput("attempt", f"{run_id} has no attempt {number}")
        with attempt._fenced():
            if (attempt.folder / layout.PID).exists():
                raise Replaced(f"attempt {number} at {run_id} was taken by another process")
            write_sealed(attempt.folder / SPARE, _disk_full())
            attempt.beat()
            write_sealed(attempt.folder / layout.PID, identity() | {"t": time.time()})
        return attempt

    @cached_property
    def spec(self) -> RunSpec:
        """What to run.

        Raises:
            BadInput: the stored specification is damaged, or is not the one that was submitted.
        """
        try:
            written = read_json(self.run_dir / layout.SPEC)
        except (OSError, json.JSONDecodeError) as error:
            raise BadInput(layout.SPEC, f"cannot be read: {error}") from error
        spec = spec_from_json(written)
        if (reason := spec_damage(self.run_dir, written)) is not None:
            raise BadInput(layout.SPEC, reason)
        return spec

    @property
    def checkpoint_path(self) -> Path:
        """Checkpoint of the latest round; written with ``write("checkpoint.pt", …)``."""
        return self.run_dir / layout.CHECKPOINT

    def check(self) -> None:
        """Ends the work if it is not wanted any more; cheap enough for every batch.

        Raises:
            Replaced: a newer attempt exists or is asked for, this one was given up, or the run was deleted.
            Cancelled: the user asked the run to stop, or the process got a signal to end.
        """
        self._check_current()
        if self._stop.is_set() or os.path.exists(self._cancel):
            raise Cancelled(f"{self.run_id} was cancelled")

    def stop(self) -> None:
        """Makes the next `check` raise `Cancelled`; safe to call from a signal handler."""
        self._stop.set()

    def is_taken_away(self) -> bool:
        """Whether it is not the user who wants a worker on a cluster to end: its time is over, say, or its node."""
        queued = optional_json(self.folder / layout.LAUNCH).get("queue")
        return bool(queued) and self._stop.is_set() and not os.path.exists(self._cancel)

    def beat(self) -> None:
        """Shows that this process is alive."""
        path = self.folder / layout.HEARTBEAT
        try:
            os.utime(path)
        except FileNotFoundError:
            # Not touch(): a deleted run must not come back as a folder with a heartbeat.
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))

    @contextlib.contextmanager
    def beating(self, seconds: float = HEARTBEAT_SECONDS) -> Iterator[None]:
        """Beats from a thread of its own for as long as the block runs."""
        over = threading.Event()

        def loop() -> None:
            while not over.wait(seconds):
                with contextlib.suppress(OSError):
                    self.beat()

        thread = threading.Thread(target=loop, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def event(
        self,
        phase: str,
        done: int,
        total: int,
        seconds_left: float | None = None,
        metrics: Mapping[str, Any] | None = None,
        message: str = "",
        loud: bool = False,
    ) -> None:
        """Tells how far the work is.

        Args:
            phase: ``prepare``, ``train``, ``unlearn``, ``reference``, ``audit``, ``shadows`` or ``finish``.
            done: steps of this phase that are done.
            total: steps of this phase; 0 if unknown.
            seconds_left: of this phase; None if unknown.
            metrics: metric id to value, as far as known.
            message: one line for people.
            loud: whether they should not miss it.
        """
        line = plain(
            {
                "t": time.time(),
                "phase": phase,
                "done": done,
                "total": total,
                "seconds_left": seconds_left,
                "metrics": dict(metrics) if metrics is not None else None,
                "message": message,
            }
            | ({"loud": True} if loud else {})
        )
        # One write of one whole line; whoever reads meanwhile skips a last line without its end.
        with naming_full_disk(), (self.folder / layout.EVENTS).open("ab", buffering=0) as file:
            _append(file, json.dumps(sealed(line), allow_nan=False).encode() + b"\n")

    def promote(
        self,
        folder: str,
        arrays: Mapping[str, np.ndarray],
        manifest: Mapping[str, Any],
        *,
        weights: bytes | None = None,
    ) -> None:
        """Makes a round, a reference or the audit visible: arrays first, manifest last.

        A folder that exists already (a round done again after a crash) keeps its old arrays until
        the new manifest is in place.

        Args:
            folder: below the run directory, e.g. ``rounds/3`` or ``reference/0``.
            arrays: name to array; stored as ``.npy``.
            manifest: everything else; ``schema``, ``attempt`` and ``arrays`` are added.
            weights: of the model, as a safetensors file, to lie beside the arrays; None for none.

        Raises:
            Replaced: this attempt may not write any more.
            OutOfDisk: too little free space.
        """
        if not _FOLDER.fullmatch(folder):
            raise ValueError(f"not a folder of a run: {folder!r}")
        self._check_current()
        check_floor(self.run_dir, sum(array.nbytes for array in arrays.values()) + len(weights or b""))
        target = self.run_dir / folder
        staged: dict[str, tuple[Path, dict[str, Any]]] = {}
        beside: list[tuple[Path, str]] = []
        try:
            for name, array in arrays.items():
                staged[name] = self._stage_array(name, array)
            if weights is not None:
                path = self._stage(layout.ROUND_WEIGHTS, lambda file: file.write(weights))
                beside.append((path, self._sha256_of(path)))
            with self._fenced():
                target.mkdir(parents=True, exist_ok=True)
                taken = _named_files(target / layout.MANIFEST)
                entries = {}
                for name, (path, entry) in staged.items():
                    file = _free_name(f"{name}.npy", self.number, taken)
                    os.replace(path, target / file)
                    entries[name] = {"file": file} | entry
                content = {"schema": layout.SCHEMA, **plain(manifest), "attempt": self.number, "arrays": entries}
                keep = {entry["file"] for entry in entries.values()}
                for path, sha256 in beside:
                    file = _free_name(layout.ROUND_WEIGHTS, self.number, taken)
                    os.replace(path, target / file)
                    content["weights"] = {"file": file, "sha256": sha256}
                    keep.add(file)
                self._put(target / layout.MANIFEST, content)
                self._prune(target, keep)
        finally:
            for path, _ in [*staged.values(), *beside]:
                path.unlink(missing_ok=True)

    def drop(self, folder: str) -> None:
        """Removes what was promoted to a folder, at once, so that no reader sees half of it.

        Raises:
            Replaced: this attempt may not write any more.
        """
        if not _FOLDER.fullmatch(folder):
            raise ValueError(f"not a folder of a run: {folder!r}")
        with self._fenced():
            if (self.run_dir / folder).exists():
                self._take_away(self.run_dir / folder)

    def is_sound(self, name: str) -> bool:
        """Whether a file that was written with `write` is there as it was written, by this or an earlier attempt."""
        return (self.run_dir / name).exists() and damage_of(self.run_dir, name) is None

    def array(self, folder: str, name: str) -> np.ndarray:
        """An array that was promoted before, by this or an earlier attempt.

        Raises:
            FileNotFoundError: it was not.
        """
        manifest = read_json(self.run_dir / folder / layout.MANIFEST)
        try:
            file = manifest["arrays"][name]["file"]
        except KeyError:
            raise FileNotFoundError(f"{folder} has no array {name}") from None
        return np.load(self.run_dir / folder / file, allow_pickle=False)

    def write(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        """Writes one file of the run directory, whole or not at all.

        Args:
            name: such as ``checkpoint.pt``.
            write: receives the open binary file.

        Raises:
            Replaced: this attempt may not write any more.
            OutOfDisk: too little free space.
        """
        if not _FILE.fullmatch(name):
            raise ValueError(f"not a file of a run: {name!r}")
        self._check_current()
        check_floor(self.run_dir)
        path = self._stage(name, write)
        try:
            sha256 = self._sha256_of(path)
            with self._fenced():
                with naming_full_disk():
                    note(self.run_dir, name, sha256, self._present(name), self._put)
                os.replace(path, self.run_dir / name)
                self._written[name] = sha256
        finally:
            path.unlink(missing_ok=True)

    def write_json(self, name: str, content: Any) -> None:
        """Writes JSON like `write`; numbers that are not finite become null."""
        text = json.dumps(plain(content), indent=1, allow_nan=False)
        self.write(name, lambda file: file.write(text.encode()))

    def finish(self, state: str, error: Mapping[str, Any] | None = None) -> None:
        """Writes the outcome, also on a disk that is full.

        Args:
            state: ``succeeded``, ``failed`` or ``cancelled``.
            error: kind, message and hint of a failure.

        Raises:
            Replaced: this attempt may not write any more.
        """
        path = self.folder / layout.OUTCOME
        spare = self.folder / SPARE
        with self._fenced():
            for left in self._staging.iterdir():
                if left.is_dir():  # a folder on its way out, of which a file server kept something
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
            try:
                told = self._journal_bytes()
                self._put(path, {"state": state, "error": plain(error), "t": time.time(), "events": told})
            except (OSError, OutOfDisk):
                if not self._staging.is_dir():
                    raise
                # A rename needs no space; what it says is less precise than what was to be written.
                os.utime(spare)
                os.replace(spare, path)
            spare.unlink(missing_ok=True)
            shutil.rmtree(self._staging, ignore_errors=True)

    @contextlib.contextmanager
    def _fenced(self) -> Iterator[None]:
        self._check_current()
        with layout.run_lock(self.home, self.run_id):
            self._check_current()
            with self._noticing_the_end():
                yield

    @contextlib.contextmanager
    def _noticing_the_end(self) -> Iterator[None]:
        """Tells a rename that failed because this attempt was replaced from one that failed otherwise."""
        try:
            yield
        except OSError as error:
            if error.errno not in _GONE or self._staging.is_dir():
                raise
            self._check_current()
            raise Replaced(f"attempt {self.number} at {self.run_id} was closed") from error

    def _check_current(self) -> None:
        if os.path.exists(self._next) or self._is_requeued():
            raise Replaced(f"attempt {self.number} at {self.run_id} was replaced by a newer one")
        if not os.path.exists(self.folder):
            raise Replaced(f"{self.run_id} was deleted")
        if os.path.exists(self._outcome):
            raise Replaced(f"attempt {self.number} at {self.run_id} was given up")

    def _is_requeued(self) -> bool:
        try:
            found = os.stat(self._requeue)
        except FileNotFoundError:
            return False
        # Almost always unchanged since the last look, and this runs once per batch.
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp == self._requeue_seen:
            return False
        try:
            wanted = read_json(Path(self._requeue)).get("attempt", 0)
        except (OSError, json.JSONDecodeError):
            return False
        if wanted > self.number:
            return True
        self._requeue_seen = stamp
        return False

    def _journal_bytes(self) -> int:
        """Size of the journal: line by line it is sound also where its end is missing."""
        path = self.folder / layout.EVENTS
        return path.stat().st_size if path.exists() else 0

    def _present(self, name: str) -> str | None:
        """Hash of a file as it is now; known without reading where this attempt has written it."""
        if name in self._written:
            return self._written[name]
        path = self.run_dir / name
        return sha256_of(path) if path.exists() else None

    @property
    def _staging(self) -> Path:
        return self.folder / layout.STAGING

    def _stage(self, name: str, write: Callable[[IO[bytes]], object]) -> Path:
        with self._noticing_the_end():
            return stage(self._staging, name, write)

    def _sha256_of(self, staged: Path) -> str:
        with self._noticing_the_end():
            return sha256_of(staged)

    def _put(self, path: Path, content: Mapping[str, Any]) -> None:
        """Writes sealed JSON through the staging folder, so that an attempt that was replaced fails to."""
        text = json.dumps(sealed(content), indent=1, allow_nan=False)
        staged = self._stage(path.name, lambda file: file.write(text.encode()))
        try:
            os.replace(staged, path)
        finally:
            staged.unlink(missing_ok=True)

    def _take_away(self, path: Path) -> None:
        """Removes a file or a folder by way of the staging folder, so that an attempt that was replaced fails to."""
        aside = self._staging / f"old.{uuid.uuid4().hex}"
        os.rename(path, aside)
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink(missing_ok=True)

    def _stage_array(self, name: str, array: np.ndarray) -> tuple[Path, dict[str, Any]]:
        if not _FOLDER.fullmatch(name) or "/" in name:
            raise ValueError(f"not a name of an array: {name!r}")
        whole = np.ascontiguousarray(array)
        path = self._stage(name, lambda file: write_npy(file, whole))
        return path, {"dtype": str(whole.dtype), "shape": list(whole.shape), "sha256": self._sha256_of(path)}

    def _prune(self, folder: Path, keep: set[str]) -> None:
        for entry in folder.iterdir():
            if entry.name not in keep | {layout.MANIFEST} and entry.is_file():
                self._take_away(entry)


def _append(file: io.FileIO, line: bytes) -> None:
    """Adds a whole line or, on a full disk, nothing: half of one would spoil the next, too."""
    end = file.seek(0, os.SEEK_END)
    try:
        written = file.write(line)
        if written != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        file.truncate(end)
        raise


def _named_files(manifest: Path) -> set[str]:
    try:
        content = read_json(manifest)
        weights = content.get("weights") or {}
        return {entry["file"] for entry in content["arrays"].values()} | {str(weights.get("file"))}
    except (OSError, json.JSONDecodeError, KeyError, TypeError, AttributeError):
        return set()


def _free_name(name: str, number: int, taken: set[str]) -> str:
    stem, _, ending = name.rpartition(".")
    candidates = [name, *(f"{stem}-{number}{suffix}.{ending}" for suffix in ("", "b"))]
    return next(file for file in candidates if file not in taken)


def _disk_full() -> dict[str, Any]:
    return {
        "state": "failed",
        "error": {"kind": "out-of-disk", "message": "the disk is full", "hint": DISK_HINT},
        "t": None,
    }
