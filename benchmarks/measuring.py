"""What the benchmarks of work share: sides that take turns, ratios with their spread, the machine, the output.

Two ways of doing the same work are measured in turns (ours, theirs, ours, theirs, …), each in a process of its own, so
that neither inherits the other's settings and a load from outside falls on both. Each turn gives one ratio of
neighbours in time; the median of those is reported with their quartiles.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import platform
import statistics
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from cu_core.learning.device import describe_device, keep_freed_memory

START_SECONDS = 600.0


@dataclass(frozen=True)
class Ratio:
    """How many times as long one way takes as the other.

    Attributes:
        median: over the turns.
        low: lower quartile of the turns' ratios.
        high: upper quartile.
        turns: n.
        mine: median seconds of the way that is divided by.
        other: median seconds of the other way.
    """

    median: float
    low: float
    high: float
    turns: int
    mine: float
    other: float

    @classmethod
    def of(cls, mine: Sequence[float], other: Sequence[float]) -> Ratio:
        """From the seconds of turns.

        Args:
            mine: (n,) seconds, one per turn, above 0.
            other: (n,) seconds of the other way in the same turns.

        Raises:
            ValueError: no turns, or not as many of one as of the other.
        """
        if not mine or len(mine) != len(other):
            raise ValueError(f"{len(mine)} and {len(other)} turns; as many are needed of both, one at least")
        ratios = [b / a for a, b in zip(mine, other, strict=True)]
        low, middle, high = quartiles(ratios)
        return cls(middle, low, high, len(ratios), statistics.median(mine), statistics.median(other))

    def words(self) -> str:
        """``1.52 (1.48-1.60)``: median and quartiles."""
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, interpolated; of one value three times the same."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


class Side:
    """One way of doing the work, in a process of its own that waits until it is asked for the next piece.

    Args:
        make: a module's function; called in the new process, yields what `next` gives.
        arguments: for `make`, picklable.
        own_memory: whether the process keeps freed memory, as a run's worker does (`keep_freed_memory`).
    """

    def __init__(self, make: Callable[..., Iterator[Any]], *arguments: Any, own_memory: bool = False) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, make, arguments, own_memory))
        self._process.start()
        other.close()

    def next(self) -> Any:
        """The next piece.

        Raises:
            RuntimeError: the work failed, was over, or took more than ten minutes; with the traceback where there is
                one.
        """
        self.begin()
        return self.end()

    def begin(self) -> None:
        """Lets the side begin its next piece, without waiting for it; what goes wrong is told by `end`."""
        with contextlib.suppress(ConnectionError):
            self._pipe.send("next")

    def end(self) -> Any:
        """The piece that was begun; raises as `next` does."""
        try:
            if not self._pipe.poll(START_SECONDS):
                raise RuntimeError(f"no answer for {START_SECONDS:.0f} s")
            failure, value = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise RuntimeError(f"the process ended with code {self._process.exitcode}") from error
        if failure:
            raise RuntimeError(failure)
        return value

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(pipe: Connection, make: Callable[..., Iterator[Any]], arguments: tuple[Any, ...], own_memory: bool) -> None:
    if own_memory:
        keep_freed_memory()
    try:
        pieces = make(*arguments)
        while pipe.recv():
            pipe.send(("", next(pieces)))
    except EOFError:
        return
    except BaseException:
        pipe.send((traceback.format_exc(), None))


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds that something takes, with what it leaves on a GPU."""
    synchronize(device)
    began = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - began


def synchronize(device: torch.device) -> None:
    """Waits for a GPU's queue; nothing to wait for elsewhere."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def machine(device: torch.device) -> dict[str, Any]:
    """What a number is worth nothing without: hardware, threads, versions, and how busy the machine is."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    return describe_device(device) | versions | {"load_average_at_start": busy}


def machine_words(found: dict[str, Any]) -> str:
    """One line of `machine`."""
    load = found["load_average_at_start"]
    busy = "" if load is None else f", load average {load:.1f} at the start"
    return (
        f"{found['name']}, {found['cores']} cores, {found['threads']} threads, "
        f"{found['memory_bytes'] / 2**30:.0f} GiB, {found['system']}, "
        f"Python {found['python']}, torch {found['torch']}{busy}"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write_out(path: Path | None, content: dict[str, Any]) -> None:
    """Writes the numbers of a benchmark as JSON, if a file was asked for."""
    if path is not None:
        path.write_text(json.dumps(content, indent=1) + "\n")
