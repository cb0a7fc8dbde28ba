"""Seconds of work: those of the processor however long a run waits, of CUDA from its own marks."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch

from cu_core.learning.work_clock import WorkClock, total

CPU = torch.device("cpu")


def busy(processor_seconds: float) -> None:
    end = time.thread_time() + processor_seconds
    while time.thread_time() < end:
        pass


def test_waiting_costs_nothing_and_computing_what_the_processor_says() -> None:
    clock = WorkClock(CPU)
    mark = clock.mark()
    time.sleep(0.3)
    waited = clock.since(mark)
    busy(0.2)
    both = clock.since(mark)
    assert waited is not None and both is not None
    assert waited < 0.25, "of a machine that sleeps"
    assert both - waited >= 0.2


def test_a_device_that_does_not_tell_is_not_known() -> None:
    clock = WorkClock(torch.device("mps"))
    assert clock.since(clock.mark()) is None


def test_cuda_is_asked_for_the_time_between_two_marks_in_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing
            self.moment = 0.0

        def record(self) -> None:
            self.moment = 1000.0 + 1500.0 * len(done)
            done.append("recorded")

        def synchronize(self) -> None:
            done.append("waited")

        def elapsed_time(self, other: Event) -> float:
            assert done[-1] == "waited", "else the time is not there yet"
            return other.moment - self.moment

    class Entered:
        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(torch, "cuda", SimpleNamespace(Event=Event, device=lambda device: Entered()))
    clock = WorkClock(torch.device("cuda:0"))
    assert clock.since(clock.mark()) == pytest.approx(1.5)


def test_a_sum_is_known_where_all_parts_are() -> None:
    assert total(1.0, 2.0) == 3.0 and total() == 0
    assert total(1.0, None) is None
