"""The processor of this machine: its name, and whether it computes with bf16 in hardware. Loads nothing heavy."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "avx10_2", "bf16"})
"""Names under which Linux lists bf16 arithmetic: x86 vector units, x86 matrix units, Arm."""


def processor_name() -> str:
    """What the maker calls it; the kind of machine where that cannot be read."""
    named = _first("model name")
    return named or platform.processor() or platform.machine()


def bf16_in_hardware() -> bool:
    """Whether the processor has instructions for bf16; False where the system does not say."""
    return not BF16_FLAGS.isdisjoint((_first("flags") or _first("Features")).split())


def _first(name: str) -> str:
    return _read(CPUINFO).get(name, "")


@cache
def _read(path: Path) -> dict[str, str]:
    """The first value of every name."""
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                found.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    return found
