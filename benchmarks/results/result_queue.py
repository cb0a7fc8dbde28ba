"""Worker processes that do the steps of a plan side by side, and go on where an earlier call was stopped or killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from benchmarks.results.result_plan import Step, Study, study_from_json
from cu_core.base.errors import Cancelled, UnlearnscopeError
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.engine.setup import set_up
from cu_core.jobs.submission import resume_here, submit
from cu_core.learning.device import keep_freed_memory
from cu_core.learning.model_cache import trained_model
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView, open_run

DONE, CAPPED, FAILED, STOPPED = "succeeded", "capped", "failed", "cancelled"
FOLDER = "results"


def folder_of(home: Home) -> Path:
    """Where the queue keeps its own files in a home."""
    return home.root / FOLDER


def token_of(spec: RunSpec) -> str:
    """Under which the run of a specification is known in a home."""
    return f"results/{spec.content_hash()}"


def run_of(home: Home, spec: RunSpec) -> RunView | None:
    """The run of a specification; None where the queue has not come to it."""
    note = folder_of(home) / "runs" / f"{digest(token_of(spec))}.json"
    return open_run(home, read_json(note)["run_id"]) if note.exists() else None


def capped(home: Home, run_id: str) -> dict[str, Any] | None:
    """What is known of a run that was cut off: ``minutes`` of the cap and finished ``rounds``; None for others."""
    note = folder_of(home) / "capped" / f"{run_id}.json"
    found: dict[str, Any] | None = read_json(note) if note.exists() else None
    return found


class _TimedAttempt(Attempt):
    """An attempt that ends with the time of the queue, or once its rounds have taken what they may.

    Attributes:
        deadline: moment of `time.monotonic` at which the queue ends; None for never.
        cap: processor seconds that the rounds may take.
        over: whether they have.
    """

    deadline: float | None = None
    cap = float("inf")
    over = False
    _phase = ""
    _spent = 0.0
    _mark = 0.0

    def event(self, phase: str, done: int, total: int, *details: Any, **named: Any) -> None:
        super().event(phase, done, total, *details, **named)
        if phase != self._phase:
            self._spent += time.process_time() - self._mark if self._phase == "unlearn" else 0.0
            self._phase, self._mark = phase, time.process_time()

    def check(self) -> None:
        super().check()
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise Cancelled("the time of the queue is over")
        if self._phase == "unlearn" and self._spent + time.process_time() - self._mark > self.cap:
            self.over = True
            raise Cancelled("its rounds have taken the time that they may")


@dataclass(frozen=True)
class Worker:
    """One process of the queue.

    Attributes:
        home: where runs and models live.
        study: what is run.
        deadline: moment of `time.monotonic` at which it stops; None for when everything is done.
        retry: whether runs that failed are tried once more.
        tell: hears one line per finished step.
    """

    home: Home
    study: Study
    deadline: float | None = None
    retry: bool = False
    tell: Callable[[str], None] = partial(print, flush=True)

    def work(self, plan: list[Step]) -> bool:
        """Does what nobody has done and nobody is doing, in order.

        Returns:
            Whether all of it is done, also by others.
        """
        # As the worker of a run does: a training would spend a tenth of its time on fresh pages otherwise.
        keep_freed_memory()
        waiting = list(plan)
        while waiting:
            left = []
            for step in waiting:
                if self._late():
                    return False
                try:
                    with FileLock(self._lock(step), timeout=0):
                        if self._do(step) == STOPPED:
                            return False
                except Timeout:
                    left.append(step)
            # Others are at these; should they die, somebody has to take over.
            waiting = left
            if waiting:
                time.sleep(1.0)
        return True

    def _do(self, step: Step) -> str:
        mark, began = time.process_time(), time.monotonic()
        try:
            found = self._train(step) if step.trains is not None else self._run(step)
        except Cancelled:
            found = STOPPED
        except UnlearnscopeError as error:
            found = f"{FAILED}: {error}"
        if found:
            spent = time.process_time() - mark
            self.tell(f"{step.part}: {step.name}: {found}, {spent:.0f} s of {time.monotonic() - began:.0f} s")
        return found

    def _train(self, step: Step) -> str:
        note = folder_of(self.home) / "models" / f"{step.key}.json"
        if note.exists():
            return ""
        setup = set_up(step.spec, self.home, lambda *_: self._in_time())
        indices = setup.retain if step.retrained else np.arange(len(setup.data.train_labels))
        assert step.trains is not None
        model = trained_model(
            setup.spec,
            setup.data,
            setup.train,
            indices,
            step.trains,
            home=self.home,
            device=setup.device,
            precision=setup.precision,
            on_epoch=lambda _: self._in_time(),
            check=self._in_time,
        )
        note.parent.mkdir(parents=True, exist_ok=True)
        write_json(note, {"name": step.name, "key": model.key, "cpu_seconds": model.cpu_seconds})
        return f"trained in {model.cpu_seconds or model.seconds:.0f} s"

    def _run(self, step: Step) -> str:
        run_id = submit(step.spec, self.home, token=token_of(step.spec), foreground=True)
        note = folder_of(self.home) / "runs" / f"{digest(token_of(step.spec))}.json"
        if not note.exists():
            note.parent.mkdir(parents=True, exist_ok=True)
            write_json(note, {"run_id": run_id})
        view = open_run(self.home, run_id)
        if view.state == DONE or capped(self.home, run_id) or (view.state == FAILED and not self.retry):
            return ""
        number = 1 if view.state == "starting" else resume_here(self.home, run_id)
        attempt = _TimedAttempt.claim(self.home, run_id, number)
        attempt.deadline, attempt.cap = self.deadline, 60 * self.study.cap
        state = run_attempt(attempt, execute)
        view = open_run(self.home, run_id)
        if attempt.over:
            path = folder_of(self.home) / "capped" / f"{run_id}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"minutes": self.study.cap, "rounds": max(view.rounds(), default=0)})
            return CAPPED
        return f"{state}: {(view.error or {}).get('message', '')}" if state == FAILED else state

    def _lock(self, step: Step) -> Path:
        folder = folder_of(self.home) / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{step.key}.lock"

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def _in_time(self) -> None:
        if self._late():
            raise Cancelled("the time of the queue is over")


def compute(
    home: Home, study: Study, plan: list[Step], *, workers: int, threads: int, deadline: float | None, retry: bool
) -> bool:
    """Does a plan in several processes.

    Args:
        home: where runs and models live; remembers the study.
        study: what is run.
        plan: its steps.
        workers: processes; one works here.
        threads: of each; part of what decides a model's last digits.
        deadline: moment of `time.monotonic` at which nothing more is done; what was begun goes on in the next call.
        retry: whether runs that failed are tried once more.

    Returns:
        Whether the plan is done; what failed or was cut off counts as done.
    """
    home.create()
    folder_of(home).mkdir(parents=True, exist_ok=True)
    write_json(folder_of(home) / "study.json", study.to_json())
    if workers == 1:
        torch.set_num_threads(threads)
        return Worker(home, study, deadline, retry).work(plan)
    # OpenMP reads it where torch is loaded, which is in the new processes.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    context = multiprocessing.get_context("spawn")
    arguments = (str(home.root), json.dumps(study.to_json()), deadline, retry, threads, plan)
    processes = [context.Process(target=_work, args=arguments) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    for process in processes:
        if process.exitcode not in (0, 1):
            print(f"a worker ended with code {process.exitcode}; the same command goes on", file=sys.stderr)
    return all(process.exitcode == 0 for process in processes)


def _work(root: str, study: str, deadline: float | None, retry: bool, threads: int, plan: list[Step]) -> None:
    torch.set_num_threads(threads)
    worker = Worker(Home(Path(root)), study_from_json(json.loads(study)), deadline, retry)
    sys.exit(0 if worker.work(plan) else 1)


def stored_study(home: Home) -> Study:
    """The study whose runs a home holds."""
    return study_from_json(read_json(folder_of(home) / "study.json"))
