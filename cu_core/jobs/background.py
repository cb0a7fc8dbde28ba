"""Background processes for a page: preparing a dataset, timing training steps, judging own weights.

A page may import neither torch nor scikit-learn, and its server must not be slowed down. It calls
`start_prepare`, `start_measure` or `start_check`, which start ``python -m cu_core prepare``, ``estimate`` or
``check-weights``, and then asks for the status.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from cu_core.base.errors import BadInput
from cu_core.base.files import write_json
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.base.parameters import contents
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.data.prepared import dataset_key
from cu_core.engine.estimate import speed_path
from cu_core.jobs.own_process import OUTPUT, TAIL_BYTES, complaint_of, start_command, still_works, was_started
from cu_core.runstore.reader import tail

SPEC = "spec.json"
MOST_FOUND = 10**6


@dataclass(frozen=True)
class Background:
    """How far a piece of background work is.

    Attributes:
        working: whether its process lives.
        done: units done.
        total: units in all; 0 while unknown.
        message: what is being done.
        error: why it failed, in words; None if it did not.
    """

    working: bool
    done: int = 0
    total: int = 0
    message: str = ""
    error: str | None = None


def start_prepare(spec: DataSpec, home: Home, select: str = "") -> None:
    """Starts preparing a dataset unless a process is at it.

    Args:
        spec: which images.
        home: where they are kept.
        select: a forget set whose samples need more than the images, to be worked out as well.

    Raises:
        BadInput: no such dataset; a folder that is missing or unsafe.
    """
    run = RunSpec(data=spec, forget=ForgetSpec(select)) if select else RunSpec(data=spec)
    _start("prepare", run, home, _prepare_folder(spec, home, select))


def prepare_status(spec: DataSpec, home: Home, select: str = "") -> Background | None:
    """How far that preparation is; None if it was never started.

    Raises:
        BadInput: no such dataset; a folder that is missing or unsafe.
    """
    return _status(_prepare_folder(spec, home, select))


def start_measure(spec: RunSpec, home: Home) -> None:
    """Starts timing a few training steps of a run unless a process is at it.

    Raises:
        BadInput: a value that cannot be used.
    """
    _start("estimate", spec, home, _measure_folder(spec, home))


def measure_status(spec: RunSpec, home: Home) -> Background | None:
    """How far the timing is; None if it was never started."""
    return _status(_measure_folder(spec, home))


def start_check(spec: RunSpec, home: Home) -> bool:
    """Starts judging the own weights of a run, unless processes of this kind are at it.

    Returns:
        Whether it was started: one is at work at a time, because each loads torch.

    Raises:
        BadInput: a value that cannot be used.
    """
    for other in (home.root / "background").glob("check-*"):
        found = _status(other)
        if found is not None and found.working:
            return False
    _start("check-weights", spec, home, _check_folder(spec, home))
    return True


def check_status(spec: RunSpec, home: Home) -> Background | None:
    """How far the judging is; None if it was never started for these weights as they are now."""
    return _status(_check_folder(spec, home))


def check_found(spec: RunSpec, home: Home) -> dict[str, Any] | None:
    """What `cu_core.engine.weight_check.judge` found; None where it has not, or failed."""
    for line in reversed(tail(_check_folder(spec, home) / OUTPUT, MOST_FOUND).splitlines()):
        with contextlib.suppress(json.JSONDecodeError):
            content = json.loads(line)
            if isinstance(content, dict) and "words" in content:
                return content
    return None


def check_key(spec: RunSpec) -> str:
    """What decides a judgement, as far as a page can know it: the file by its size and time of change.

    Raises:
        BadInput: a value that cannot be used.
    """
    try:
        found = named_path(spec.model.weights, "model.weights").stat()
    except OSError as error:
        raise BadInput("model.weights", f"{spec.model.weights} cannot be read") from error
    forget = (spec.forget.select, spec.forget_seed)
    file = (found.st_size, found.st_mtime_ns, found.st_ino)
    return digest([dataset_key(spec.data), contents(spec.model), file, forget, spec.train.objective, spec.device])


def _check_folder(spec: RunSpec, home: Home) -> Path:
    return home.root / "background" / f"check-{check_key(spec)[:24]}"


def _prepare_folder(spec: DataSpec, home: Home, select: str) -> Path:
    also = f"-{parse_selection(select).kind}" if select else ""
    return home.root / "background" / f"prepare-{dataset_key(spec)}{also}"


def _measure_folder(spec: RunSpec, home: Home) -> Path:
    return home.root / "background" / f"measure-{speed_path(spec, home).stem}"


def _start(command: str, spec: RunSpec, home: Home, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        now = _status(folder)
        if now is not None and now.working:
            return
        write_json(folder / SPEC, spec.to_json())
        start_command([command, "--json", "--spec", str(folder / SPEC)], home, folder)


def _status(folder: Path) -> Background | None:
    if not was_started(folder):
        return None
    working = still_works(folder)
    done, total, message = 0, 0, "starting"
    finished = False
    for line in tail(folder / OUTPUT, TAIL_BYTES).splitlines():
        try:
            content = json.loads(line)
        except json.JSONDecodeError:
            continue
        if "done" in content:
            done, total, message = content["done"], content["total"], content["message"]
        else:
            finished = True  # the summary comes last
    if working or finished:
        return Background(working, done, total, message)
    return Background(False, done, total, message, complaint_of(folder))
