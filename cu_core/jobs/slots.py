"""Slots: how many runs work at once, one per GPU, or one for the CPU."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from cu_core.base.errors import BadInput

SLOTS_VARIABLE = "CU_SLOTS"
_QUERY = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_QUERY_SECONDS = 20.0
_JOINED = "+"


@dataclass(frozen=True)
class Slot:
    """Room for one run.

    Attributes:
        name: unique, e.g. ``cpu-0`` or ``cuda-1``; ``cuda-0+cuda-1`` for a run that takes both.
        gpu: what the worker's CUDA_VISIBLE_DEVICES becomes; None leaves it alone.
        threads: CPU threads of the worker, or of each process of a run that has several.
    """

    name: str
    gpu: str | None
    threads: int


def slots_of(name: object) -> set[str]:
    """The single slots behind the name of a slot, as ``launch.json`` holds it; none behind anything else."""
    return set(name.split(_JOINED)) if isinstance(name, str) else set()


def find_slots() -> list[Slot]:
    """The slots of this machine.

    ``CU_SLOTS`` overrides: a number of slots (spread over the GPUs if there are any), or ``cpu:N``.

    Raises:
        BadInput: ``CU_SLOTS`` is neither.
    """
    text = os.environ.get(SLOTS_VARIABLE, "").strip()
    on_cpu = text.startswith("cpu:")
    gpus = [] if on_cpu else visible_gpus()
    count = _count(text.removeprefix("cpu:")) if text else max(len(gpus), 1)
    threads = max(1, cores() // count)
    if not gpus:
        return [Slot(f"cpu-{n}", None, threads) for n in range(count)]
    return [Slot(f"cuda-{n}", gpus[n % len(gpus)], threads) for n in range(count)]


def choose_slot(free: Sequence[Slot], everything: Sequence[Slot], device: str, processes: int = 1) -> Slot | None:
    """A free slot for a run that asks for a device; None if it has to wait.

    Args:
        free: the slots without a run.
        everything: all slots.
        device: as in the specification. ``cuda:N`` waits for that GPU and sees all of them, so that
            its number stays true; everything else takes any slot.
        processes: how many work on the run. Several take as many slots at once, on different GPUs where there are
            any, and share their threads. Where there are fewer slots they take all: processes share the cores of a
            machine without GPUs, and the run itself says which GPUs it lacks.
    """
    if processes > 1:
        return _joined(_apart(free, device), len(_apart(everything, device)), processes)
    number = device.removeprefix("cuda:")
    if number == device or not any(slot.gpu == number for slot in everything):
        return free[0] if free else None
    return next((Slot(slot.name, None, slot.threads) for slot in free if slot.gpu == number), None)


def _apart(slots: Sequence[Slot], device: str) -> list[Slot]:
    """The slots that processes of one run can have at once: two processes cannot talk to each other on one GPU."""
    if device == "cpu":
        return list(slots)
    first = {slot.gpu if slot.gpu is not None else slot.name: slot for slot in reversed(slots)}
    return [slot for slot in slots if slot in first.values()]


def _joined(free: Sequence[Slot], most: int, processes: int) -> Slot | None:
    wanted = min(processes, most)
    if len(free) < wanted:
        return None
    taken = free[:wanted]
    gpus = [slot.gpu for slot in taken if slot.gpu is not None]
    threads = max(1, sum(slot.threads for slot in taken) // processes)
    return Slot(_JOINED.join(slot.name for slot in taken), ",".join(gpus) if gpus else None, threads)


def visible_gpus() -> list[str]:
    """The NVIDIA GPUs that a worker may use, by number or id; empty without a driver."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name.strip() for name in allowed.split(",") if name.strip() and name.strip() != "-1"]
    if shutil.which(_QUERY[0]) is None:
        return []
    try:
        answer = subprocess.run(_QUERY, capture_output=True, text=True, timeout=_QUERY_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.splitlines() if line.strip().isdecimal()]


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy_share() -> float:
    """How many programs want a core just now, as a share of the cores that this process may use; 0 where unknown."""
    try:
        return os.getloadavg()[0] / cores()
    except (AttributeError, OSError):
        return 0.0


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise BadInput(SLOTS_VARIABLE, f"{text!r} is not a number of slots", ("1 to 64", "cpu:1 to cpu:64"))
    return int(text)
