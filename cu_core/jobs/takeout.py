"""Files that pages hand out of a run: made by a process of their own, since some take torch, and kept for an hour.

A page calls `start_takeout`, asks for the status, and hands out what `takeout_file` names. One process works at a time.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.spec import digest
from cu_core.jobs.own_process import complaint_of, start_command, still_works, was_started
from cu_core.runstore import layout
from cu_core.runstore.disk import check_floor
from cu_core.runstore.index import stamp_of

KEPT_SECONDS = 3600.0
_MODEL = re.compile(r"before|after|(round|reference):[0-9]{1,9}")


@dataclass(frozen=True)
class Takeout:
    """One file of a run.

    Attributes:
        verb: of the command line: ``weights``, ``samples``, ``projector``, ``hub`` or
            ``export-site``.
        model: whose weights, as ``--of`` takes it; empty for the other verbs.

    Raises:
        BadInput: none of these.
    """

    verb: str
    model: str = ""

    def __post_init__(self) -> None:
        if self.verb not in _ENDINGS or (self.verb == "weights") != bool(_MODEL.fullmatch(self.model)):
            raise BadInput("what", f"{self.verb} {self.model} is nothing that a run hands out", tuple(_ENDINGS))

    def file_name(self, run_id: str) -> str:
        """As the browser saves it."""
        part = self.model.replace(":", "-") if self.model else self.verb
        return f"{run_id}-{part}{_ENDINGS[self.verb]}"

    def words(self, run_id: str, file: Path) -> list[str]:
        """The command that makes it."""
        return [self.verb, "--force", *(["--of", self.model] if self.model else []), run_id, str(file)]


_ENDINGS = {"weights": ".safetensors", "samples": ".parquet", "projector": ".zip", "hub": ".zip", "export-site": ".zip"}


@dataclass(frozen=True)
class Making:
    """How far a file is.

    Attributes:
        working: whether its process lives.
        file: that is ready; None before.
        error: why it could not be made, in words; empty if it could.
    """

    working: bool
    file: Path | None = None
    error: str = ""


def start_takeout(home: Home, run_id: str, what: Takeout) -> None:
    """Starts making a file, unless it is there or being made.

    Raises:
        BadInput: no such run.
        UnlearnscopeError: another file is being made.
        OutOfDisk: too little free space.
    """
    store = _store(home)
    store.mkdir(parents=True, exist_ok=True)
    check_floor(store)
    with FileLock(store / "lock", timeout=10):
        _drop_old(store)
        folder = _folder(home, run_id, what)
        now = takeout_status(home, run_id, what)
        if now is not None and (now.working or now.file):
            return
        if any(still_works(other) for other in store.iterdir() if other.is_dir()):
            raise UnlearnscopeError("another file is being made; try again in a moment")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        start_command(what.words(run_id, folder / what.file_name(run_id)), home, folder)


def takeout_status(home: Home, run_id: str, what: Takeout) -> Making | None:
    """How far a file is; None where nobody has asked for it since the run last changed.

    Raises:
        BadInput: no such run.
    """
    folder = _folder(home, run_id, what)
    if not was_started(folder):
        return None
    if still_works(folder):
        return Making(True)
    file = folder / what.file_name(run_id)
    return Making(False, file) if file.is_file() else Making(False, None, complaint_of(folder))


def _store(home: Home) -> Path:
    return home.root / "takeout"


def _folder(home: Home, run_id: str, what: Takeout) -> Path:
    """Where a file of a run as it is now is made."""
    run_dir = layout.run_dir(home, run_id)
    stamp = stamp_of(run_dir, max(layout.attempts(run_dir), default=0))
    return _store(home) / digest([run_id, what.verb, what.model, stamp])[:32]


def _drop_old(store: Path) -> None:
    for folder in store.iterdir():
        if folder.is_dir() and not still_works(folder) and time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
