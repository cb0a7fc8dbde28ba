"""How long a lesson's live runs take, from the click until their step can be revealed, and how much of a processor.

Each way to make a run of the shipped lesson is queued as the page does it, in a home of its own that has the images and
nothing else: no model that an earlier run has trained. A second turn in the same home shows what reused models spare.
Emoji are measured where ``--home`` has them prepared or downloaded; nothing is fetched from a network.

    python -m benchmarks.lesson_steps --home ~/unlearnscope-home
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch

from benchmarks.measuring import machine, machine_words, table, write_out
from cu_core.base.home import Home
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.lessons.lesson_reader import read_lesson, shipped_folder
from cu_core.catalogue.lessons.lesson_record import LessonRun, LiveRun
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.emoji import published_files
from cu_core.data.prepared import open_prepared
from cu_core.jobs.background import prepare_status, start_prepare
from cu_core.jobs.dispatcher import ensure_dispatcher
from cu_core.jobs.submission import submit
from cu_core.runstore.reader import open_run
from cu_core.runstore.state import FINAL
from tests.served import end_processes

LESSON = "what-unlearning-does"
TURNS = ("first", "again")
POLL = 0.1
AIM = 20.0
"""Seconds on two idle cores."""


@dataclass(frozen=True)
class StepTimes:
    """What one turn of one live run took.

    Attributes:
        run: of the lesson.
        steps: of the lesson that offer it, by their ids.
        dataset: whose images it has.
        turn: one of `TURNS`.
        state: that it ended in.
        seconds: from the click until the step can be revealed.
        processor: seconds of all cores together, of the run's processes from their start on; None where they were gone
            before they could be asked.
        rounds: that it unlearned.
        cached: references that were trained before.
    """

    run: str
    steps: tuple[str, ...]
    dataset: str
    turn: str
    state: str
    seconds: float
    processor: float | None
    rounds: int
    cached: int


@contextlib.contextmanager
def home_with_images(datasets: Path, folder: Path) -> Iterator[Home]:
    """A home that has the images of another and nothing else; its processes are ended."""
    folder.mkdir()
    os.symlink(datasets, folder / "datasets")
    home = Home(folder).create()
    try:
        yield home
    finally:
        end_processes(home)


def ready(spec: DataSpec, home: Home) -> bool:
    """Prepares images unless they would have to be fetched; says whether they are there."""
    if open_prepared(spec, home) is not None:
        return True
    if dataset(spec.dataset).download and not all(path.exists() for path in published_files(home)):
        return False
    start_prepare(spec, home)
    while (status := prepare_status(spec, home)) is not None and status.working:
        time.sleep(POLL)
    return open_prepared(spec, home) is not None


def used_by(process: dict[str, object] | None) -> float | None:
    """Processor seconds of a run's process with its children; None where it is gone."""
    try:
        worker = psutil.Process(int(str((process or {})["pid"])))
        return sum(sum(one.cpu_times()[:2]) for one in [worker, *worker.children(recursive=True)])
    except (psutil.Error, KeyError):
        return None


def measured(wanted: LessonRun, way: LiveRun, steps: tuple[str, ...], turn: str, home: Home) -> StepTimes:
    """Queues a run as the page does, and waits until its step can be revealed."""
    began, processor = time.perf_counter(), None
    run_id = submit(way.spec, home, token=turn)
    ensure_dispatcher(home)
    while (view := open_run(home, run_id)).state not in FINAL:
        # The last that is seen: what comes after it is less than the time between two looks.
        processor = used_by(view.run_state.process) or processor
        time.sleep(POLL)
    seconds = time.perf_counter() - began
    result = view.result() or {}
    cached = sum(bool(one.get("cached")) for one in result.get("references") or ())
    rounds = int(result.get("rounds") or 0)
    name = way.spec.data.dataset
    return StepTimes(wanted.id, steps, name, turn, view.state, seconds, processor, rounds, cached)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="whose images are used; a new one has digits alone")
    parser.add_argument("--runs", nargs="*", help="of the lesson; all without any")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lesson = read_lesson(shipped_folder() / f"{LESSON}.yaml")
    at, found = machine(torch.device("cpu")), []
    print(machine_words(at))
    with tempfile.TemporaryDirectory() as folder:
        source = Home(options.home or Path(folder) / "images").create()
        for wanted in lesson.runs.values():
            steps = tuple(step.id for step in lesson.steps if step.run == wanted.id)
            for way in wanted.live if wanted.id in (options.runs or lesson.runs) else ():
                name = way.spec.data.dataset
                if not ready(way.spec.data, source):
                    print(f"{wanted.id} on {name}: left out, since its images are not here")
                    continue
                with home_with_images(source.datasets.resolve(), Path(folder) / f"{wanted.id}-{name}") as home:
                    for turn in TURNS:
                        found.append(measured(wanted, way, steps, turn, home))
                        print(f"{wanted.id} on {name}, {turn}: {found[-1].seconds:.1f} s", flush=True)
    rows = [
        (
            one.run, ", ".join(one.steps), one.dataset, one.turn, one.state, f"{one.seconds:.1f}",
            "–" if one.processor is None else f"{one.processor:.1f}", str(one.rounds), str(one.cached),
        )
        for one in found
    ]  # fmt: skip
    head = ("run", "steps", "images", "turn", "state", "s", "processor s", "rounds", "references reused")
    print(table(head, rows))
    print(f"The aim on two idle cores is {AIM:.0f} s from the click.")
    write_out(options.out, {"machine": at, "steps": [asdict(one) for one in found]})


if __name__ == "__main__":
    main()
