"""How many runs work at once, and where: one slot per GPU, or one for the CPU."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from cu_core.errors import BadInput

SLOTS_VARIABLE = "CU_SLOTS"
_QUERY = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_QUERY_SECONDS = 20.0


@dataclass(frozen=True)
class Slot:
    """Room for one run.

    Attributes:
        name: unique, e.g. ``cpu-0`` or ``cuda-1``.
        gpu: what the worker's CUDA_VISIBLE_DEVICES becomes; None leaves it alone.
        threads: CPU threads of the worker.
    """

    name: str
    gpu: str | None
    threads: int


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


def choose_slot(free: Sequence[Slot], everything: Sequence[Slot], device: str) -> Slot | None:
    """A free slot for a run that asks for a device; None if it has to wait.

    Args:
        free: the slots without a run.
        everything: all slots.
        device: as in the specification. ``cuda:N`` waits for that GPU and sees all of them, so that
            its number stays true; everything else takes any slot.
    """
    number = device.removeprefix("cuda:")
    if number == device or not any(slot.gpu == number for slot in everything):
        return free[0] if free else None
    return next((Slot(slot.name, None, slot.threads) for slot in free if slot.gpu == number), None)


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


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise BadInput(SLOTS_VARIABLE, f"{text!r} is not a number of slots", ("1 to 64", "cpu:1 to cpu:64"))
    return int(text)
