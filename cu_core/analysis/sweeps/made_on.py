"""Which runs of a sweep were made on another machine, with another number of threads or another torch than the others.

A sweep takes runs that were made before, whatever made them. Times of such a run do not compare with those of the
others, and on another machine, number of threads or version the same seed gives weights that differ in the last digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from cu_core.base.file_cache import cached_by_file
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.reader import RunRow
from cu_core.runstore.rows import optional_json, shown


@dataclass(frozen=True)
class MadeOn:
    """What made a run.

    Attributes:
        machine: name of its processor or device.
        threads: of the processor; 0 on other devices.
        torch: version.
    """

    machine: str
    threads: int
    torch: str

    def unlike(self, usual: MadeOn) -> list[str]:
        """What is other than usual, in a few words each."""
        said = [] if self.machine == usual.machine else [f"other machine: {self.machine}"]
        if self.threads != usual.threads:
            said.append(f"{self.threads} thread{'' if self.threads == 1 else 's'} instead of {usual.threads}")
        return said + ([] if self.torch == usual.torch else [f"torch {self.torch} instead of {usual.torch}"])


def unlike_most(rows: Iterable[RunRow], home: Home, group: str) -> dict[str, list[str]]:
    """What made a run, where that is not what made most of the others.

    Args:
        rows: the runs of a sweep; those without a result, and those that do not say what made them, are left out.
        home: where they live.
        group: of the sweep: of as many runs on either side, those that were made for it are the usual ones.

    Returns:
        Run id to words, at least one each.
    """
    known = {row.run_id: (row, made) for row in rows if (made := _made_on(home.runs / row.run_id / layout.RESULT))}
    if not known:
        return {}
    columns = zip(*(astuple(made) for _, made in known.values()), strict=True)
    ours = [row.group == group for row, _ in known.values()]
    usual = MadeOn(*(_most(list(zip(column, ours, strict=True))) for column in columns))
    return {run_id: said for run_id, (_, made) in known.items() if (said := made.unlike(usual))}


def _most(values: Sequence[tuple[Any, bool]]) -> Any:
    """What occurs most often; of as many, what is oftener true."""
    counts, own = Counter(value for value, _ in values), Counter(value for value, ours in values if ours)
    return max(counts, key=lambda value: (counts[value], own[value]))


@cached_by_file(maxsize=20_000, absent=None)
def _made_on(result: Path) -> MadeOn | None:
    content = optional_json(result)
    hardware, versions = (_table(content.get(part)) for part in ("hardware", "versions"))
    torch, machine = shown(versions.get("torch")), shown(hardware.get("name"))
    if not torch or not machine:
        return None
    threads = 0
    if hardware.get("device") == "cpu":
        fixed = optional_json(result.parent / layout.THREADS).get("threads")
        threads = next((n for n in (fixed, hardware.get("threads")) if isinstance(n, int)), 0)
    return MadeOn(machine, threads, torch)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
