"""Identity of a process, by id and start time: an id alone may have been given to another program."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import psutil


def identity(pid: int | None = None) -> dict[str, Any]:
    """Identity of a process (this one by default): pid, start time, boot id, host.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    number = os.getpid() if pid is None else pid
    return {"pid": number, "started": _started(number), "boot": _boot_id(), "host": socket.gethostname()}


def is_local(who: dict[str, Any]) -> bool:
    """Whether an identity belongs to this machine, so that its process can be looked up."""
    return who.get("host") == socket.gethostname()


def is_of_this_boot(who: dict[str, Any]) -> bool:
    """Whether a process of this machine was started since the machine was."""
    return is_local(who) and who.get("boot") == _boot_id()


def is_alive(who: dict[str, Any]) -> bool:
    """Whether exactly that process still runs on this machine (zombies do not)."""
    if not is_of_this_boot(who):
        return False
    try:
        return _started(int(who["pid"])) == who["started"]
    except (psutil.Error, OSError, KeyError, TypeError, ValueError):  # OSError: a number that no process has
        return False


def _started(pid: int) -> float:
    """Start time in clock ticks since boot on Linux, else in unix seconds."""
    if not _LINUX:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            raise psutil.ZombieProcess(pid)
        return process.create_time()
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    # The name in parentheses may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise psutil.ZombieProcess(pid)
    # Ticks since boot: unlike a wall-clock time, they do not move when the clock is set.
    return float(fields[19])


_LINUX = Path("/proc/self/stat").exists()
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
