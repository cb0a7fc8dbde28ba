"""What can go wrong, as small records: harm to a file, harm to a process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

SURVIVED, MENDED, NAMED, LOST = OUTCOMES = ("survived", "mended", "named", "LOST")
"""Nothing was wrong afterwards; `verify`, `reindex` or a resume made it good; it is said in words; a promise broke."""

NOT_INJECTED = "not injected"
"""The machine did not let the fault happen, so it says nothing of what a run survives; it counts as no fault."""

SECTOR = 512


@dataclass(frozen=True)
class Injected:
    """One fault and what came of it.

    Attributes:
        kind: such as ``flip snapshot`` or ``kill worker``.
        outcome: one of `OUTCOMES`, or `NOT_INJECTED`.
        detail: what was hit, and what was found.
    """

    kind: str
    outcome: str
    detail: str = ""


def flip(path: Path, rng: Random) -> None:
    """One bit the other way round, as after a failure of memory or disk."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(content))


def overwrite(path: Path, rng: Random) -> None:
    """A sector of noise."""
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content))
    end = min(start + SECTOR, len(content))
    content[start:end] = rng.randbytes(end - start)
    path.write_bytes(bytes(content))


def zero(path: Path, rng: Random) -> None:
    """A sector that was never written."""
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content)) // SECTOR * SECTOR
    end = min(start + SECTOR, len(content))
    content[start:end] = bytes(end - start)
    path.write_bytes(bytes(content))


def truncate(path: Path, rng: Random) -> None:
    """The file ends too early, perhaps before it begins."""
    os.truncate(path, rng.randrange(path.stat().st_size))


def delete(path: Path, rng: Random) -> None:
    """The file is gone."""
    path.unlink()


HARMS: Mapping[str, Callable[[Path, Random], None]] = {
    "flip": flip,
    "overwrite": overwrite,
    "zero": zero,
    "truncate": truncate,
    "delete": delete,
}

TARGETS: Mapping[str, tuple[str, ...]] = {
    "snapshot": ("rounds/*/*.npy", "rounds/*/weights.safetensors", "reference/*/*.npy", "audit/*.npy"),
    "manifest": ("rounds/*/manifest.json", "reference/*/manifest.json", "audit/manifest.json"),
    "checkpoint": ("checkpoint.pt",),
    "weights": ("weights.pt",),
    "spec": ("spec.json",),
    "run.json": ("run.json",),
    "events": ("attempt-*/events.jsonl",),
    "outcome": ("attempt-*/outcome.json",),
    "attempt": ("attempt-*/launch.json", "attempt-*/pid.json", "requeue.json"),
    "result": ("result.json",),
    "probe": ("probe.parquet",),
    "checksums": ("checksums.json",),
    "other state": ("before.json", "threads.json", "dataset.json", "given.json"),
}


def targets(run_dir: Path) -> dict[str, list[Path]]:
    """What there is to harm in a run directory, by kind; files that hold nothing cannot be harmed."""
    found = {
        kind: sorted(p for pattern in patterns for p in run_dir.glob(pattern) if p.stat().st_size)
        for kind, patterns in TARGETS.items()
    }
    return {kind: paths for kind, paths in found.items() if paths}


def send(pid: int, number: signal.Signals) -> bool:
    """Sends a signal to a process if it is still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def kill_tree(pid: int) -> None:
    """Ends a process and what it has started, at once; for cleaning up."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def fill_disk(folder: Path) -> Path:
    """Leaves not a single free byte on the disk of a folder; deleting the returned file frees it again."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return path


class CannotInject(Exception):
    """The machine refuses a fault for good, in words."""


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Lets nobody write below a folder for as long as the block runs, by a bind mount, since root ignores permissions.

    The kernel does not make a mount read-only through which somebody has a file open for writing, and a worker may
    open one at any moment. So it is made beside, where nobody writes, and what is bound from there is born so.

    Raises:
        CannotInject: the machine refuses.
    """
    aside = Path(tempfile.mkdtemp(prefix="read-only-"))
    with contextlib.ExitStack() as undo:
        undo.callback(aside.rmdir)
        mount("--bind", str(folder), str(aside))
        undo.callback(_unmount, aside)
        mount("-o", "remount,bind,ro", str(aside))
        mount("--bind", str(aside), str(folder))
        undo.callback(_unmount, folder)
        yield


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


def mount(*words: str) -> None:
    """Mounts something.

    Raises:
        CannotInject: the machine refuses.
    """
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        raise CannotInject(done.stderr.strip() or f"mount ended with {done.returncode}")


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """Sets variables for this process and those that it starts, for as long as the block runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def can_mount() -> bool:
    """Whether this process may mount small disks."""
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("mount") is not None
