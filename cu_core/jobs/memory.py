"""Watches free memory, to judge whether a killed process ran out of it."""

from __future__ import annotations

from pathlib import Path

import psutil

SHORT_SHARE = 0.05
_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))


class MemoryWatch:
    """Remembers how short memory was since it was made; ask it to `look` now and then."""

    def __init__(self) -> None:
        self._kills = kills_by_system()
        self._lowest = available_share()

    def look(self) -> None:
        """Takes note of the memory that is free now."""
        self._lowest = min(self._lowest, available_share())

    def was_short(self) -> bool:
        """Whether the system killed a process for memory since, or hardly any was free."""
        return kills_by_system() > self._kills or self._lowest < SHORT_SHARE


def available_share() -> float:
    """Share of the machine's memory that a process could still get."""
    memory = psutil.virtual_memory()
    return float(memory.available / memory.total)


def kills_by_system() -> int:
    """Processes killed for memory since the machine (or the container) started; 0 where not counted."""
    total = 0
    for path in _COUNTERS:
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return total
