"""Progress events of a run, with the remaining time estimated from its own speed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

PHASES = ("prepare", "train", "unlearn", "reference", "audit", "verdict", "shadows", "finish")


class EventSink(Protocol):
    """Takes progress events; `cu_core.runstore.attempt.Attempt` is one."""

    def event(
        self,
        phase: str,
        done: int,
        total: int,
        seconds_left: float | None = None,
        metrics: dict[str, float | None] | None = None,
        message: str = "",
    ) -> None:
        """Stores one event."""


@dataclass
class Work:
    """Units of one phase: how many, how many are done, seconds per unit once known."""

    total: int
    done: int = 0
    rate: float | None = None


@dataclass
class Progress:
    """Reports units done per phase and estimates the seconds left over all phases.

    Attributes:
        sink: where events go.
        works: phase to its units; a phase that will not happen has total 0.
    """

    sink: EventSink
    works: dict[str, Work] = field(default_factory=dict)
    _tick: float = field(default_factory=time.perf_counter)

    def plan(self, phase: str, total: int, *, done: int = 0, rate: float | None = None) -> None:
        """Says how many units a phase has, and seconds per unit if a guess exists."""
        self.works[phase] = Work(total, done, rate)

    def start(self, phase: str, message: str = "") -> None:
        """Opens a phase; time before this does not count for its speed."""
        self._tick = time.perf_counter()
        self._send(phase, message=message)

    def step(self, phase: str, metrics: dict[str, float | None] | None = None, message: str = "") -> None:
        """One unit of a phase is done; its speed is a running mean that favours recent units."""
        now = time.perf_counter()
        work = self.works[phase]
        seconds, self._tick = now - self._tick, now
        work.rate = seconds if work.done == 0 or work.rate is None else 0.7 * work.rate + 0.3 * seconds
        work.done = min(work.done + 1, work.total)
        self._send(phase, metrics, message)

    def finish(self, phase: str) -> None:
        """The phase is over, whether or not all of its units were needed."""
        self.works[phase].done = self.works[phase].total

    def seconds_left(self) -> float | None:
        """Upper estimate over all phases; None while a coming phase's speed is unknown."""
        left = 0.0
        for work in self.works.values():
            remaining = work.total - work.done
            if remaining > 0:
                if work.rate is None:
                    return None
                left += remaining * work.rate
        return left

    def _send(self, phase: str, metrics: dict[str, float | None] | None = None, message: str = "") -> None:
        work = self.works.get(phase, Work(0))
        self.sink.event(phase, work.done, work.total, self.seconds_left(), metrics, message)
