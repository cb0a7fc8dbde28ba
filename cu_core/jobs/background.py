"""Background processes for a page: preparing a dataset, timing training steps.

A page may import neither torch nor scikit-learn, and its server must not be slowed down. It calls
`start_prepare` or `start_measure`, which start ``python -m cu_core prepare`` or ``estimate``, and then
asks for the status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.installation import dashboard_folder
from cu_core.base.process import identity, is_alive
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.data.prepared import dataset_key
from cu_core.engine.estimate import speed_path
from cu_core.runstore.reader import tail

SPEC = "spec.json"
OUTPUT = "output.jsonl"
COMPLAINT = "errors.txt"
PROCESS = "process.json"
TAIL_BYTES = 4096


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
        with (folder / OUTPUT).open("wb") as output, (folder / COMPLAINT).open("wb") as complaint:
            # A session of its own: it goes on when the server or the terminal ends.
            process = subprocess.Popen(
                [sys.executable, "-m", "cu_core", command, "--json", "--spec", str(folder / SPEC)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=complaint,
                start_new_session=True,
                cwd=dashboard_folder(),
                env=os.environ | {"CU_HOME": str(home.root)},
            )
        try:
            who = identity(process.pid)
        except psutil.NoSuchProcess:  # it has ended already
            who = {}
        write_json(folder / PROCESS, who)


def _status(folder: Path) -> Background | None:
    try:
        process = read_json(folder / PROCESS)
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    working = is_alive(process)
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
    return Background(False, done, total, message, _complaint(folder))


def _complaint(folder: Path) -> str:
    """Why the process ended without a result: what it said, or its last line."""
    lines = [line for line in tail(folder / COMPLAINT, TAIL_BYTES).splitlines() if line.strip()]
    for line in reversed(lines):
        for start in ("bad input: ", "failed: "):
            if line.startswith(start):
                return line.removeprefix(start)
    return lines[-1] if lines else "the process ended without a word; try again"
