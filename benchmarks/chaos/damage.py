"""Files of a real run harmed one at a time: what is damaged must be named, and the run must end as it would have."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.chaos.faults import HARMS, LOST, MENDED, NAMED, SURVIVED, Injected, targets
from benchmarks.chaos.judge import Content, content, differs, same_content, shown_wrongly
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.base.process import identity
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.checksums import write_sealed
from cu_core.runstore.mend import mend
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.verify import verify

SPEC: dict[str, Any] = {
    "data": {"dataset": "digits", "train_limit": 300},
    "model": {"backbone": "tiny-cnn"},
    "train": {"epochs": 2, "batch_size": 32, "lr": 0.1},
    "forget": {"select": "random:60"},
    "method": {"params": {"lr": 0.002, "batch_size": 32}},
    "probe": {"size": 60, "tsne": False},
    "stop": {"max_rounds": 3, "rule": "none", "collapse_drop": 1.0},
    # Those that train networks of their own would take ten times as long as all the rest.
    "audit": {"attacks": "none"},
    "reference": 1,
    "device": "cpu",
}
TOKEN = "chaos"
SHARED = ("datasets", "models", "evaluations", "scores")


class Interrupting(Attempt):
    """An attempt that is cancelled at the end of its second round."""

    def event(self, phase: str, done: int, *details: Any, **named: Any) -> None:
        """Stores the event, and then has enough."""
        super().event(phase, done, *details, **named)
        if (phase, done) == ("unlearn", 2):
            self.stop()


@dataclass(frozen=True)
class Template:
    """Stages of the same run, made once, and what it shows when nothing happens to it.

    Attributes:
        folder: one home per stage below it.
        run_id: the same in all stages.
        expected: content of the uninterrupted run.
    """

    folder: Path
    run_id: str
    expected: Content


STAGES = ("queued", "interrupted", "finished")


def spec() -> RunSpec:
    """The run that faults are tried on."""
    return spec_from_json(SPEC)


def make_template(folder: Path) -> Template:
    """Makes the stages below a folder."""
    first = Home(folder / "queued").create()
    run_id = submission.submit(spec(), first, token=TOKEN)
    for stage, kind in (("interrupted", Interrupting), ("finished", Attempt)):
        home = _copy(folder / "queued", folder / stage)
        attempt = kind.claim(home, run_id, submission.resume_here(home, run_id))
        run_attempt(attempt, execute)
        # This process did the work and lives on; a worker would be gone.
        write_sealed(attempt.folder / layout.PID, identity() | {"started": 0.0, "t": time.time()})
    assert open_run(Home(folder / "interrupted"), run_id).state == "cancelled"
    return Template(folder, run_id, content(open_run(Home(folder / "finished"), run_id)))


def _copy(source: Path, target: Path) -> Home:
    """A home with the same runs; what all runs share is linked, since it is never written in place."""
    shutil.copytree(source / "runs", target / "runs")
    for name in SHARED:
        (source / name).mkdir(exist_ok=True)
        os.symlink((source / name).resolve(), target / name)
    return Home(target).create()


def harm_once(template: Template, folder: Path, rng: Random) -> Injected:
    """Harms one file of one stage, mends, goes on, and judges.

    Args:
        template: of the run.
        folder: takes the copy that is harmed; removed afterwards unless something was lost.
        rng: decides what is harmed, and how.
    """
    stage = rng.choices(STAGES, (1, 4, 4))[0]
    home = _copy(template.folder / stage, folder)
    run_dir = home.runs / template.run_id
    found = targets(run_dir)
    target = rng.choice(sorted(found))
    path = rng.choice(found[target])
    harm = rng.choice(sorted(HARMS))
    before = path.read_bytes()
    HARMS[harm](path, rng)
    detail = f"{stage}: {path.relative_to(run_dir)}"
    try:
        outcome, more = _judge(template, home, path, before, resume_first=rng.random() < 0.5)
    except Exception as error:  # no fault may end in a traceback
        outcome, more = LOST, f"{type(error).__name__}: {error}"
    if outcome != LOST:
        shutil.rmtree(folder)
    return Injected(f"{harm} {target}", outcome, f"{detail}; {more}")


def _judge(template: Template, home: Home, path: Path, before: bytes, *, resume_first: bool) -> tuple[str, str]:
    run_id = template.run_id
    if [row.run_id for row in list_runs(home)] != [run_id]:
        return LOST, "the run is not listed any more"
    if wrong := shown_wrongly(open_run(home, run_id), template.expected):
        return LOST, f"shown though damaged: {wrong}"
    if submission.submit(spec(), home, token=TOKEN) != run_id:
        return LOST, "the same token made a second run"
    changed = not same_content(path, before)
    problems = verify(home, run_id)
    if changed and not problems and not _derivable(path):
        return LOST, "the damage was not noticed"
    if resume_first and open_run(home, run_id).state != "succeeded":
        _go_on(home, run_id)
    done = mend(home, run_id)
    _go_on(home, run_id)
    view = open_run(home, run_id)
    left = [str(problem) for problem in verify(home, run_id)]
    said = "; ".join([*map(str, problems), *(f"mended {one}" for one in done)])
    if view.state != "succeeded":
        named = view.row().error and left
        return (NAMED if named else LOST), f"{said}; {view.state}: {view.error}; left: {left}"
    if wrong := differs(content(view), template.expected):
        return LOST, f"{said}; ends otherwise: {wrong}"
    if left:
        return NAMED, f"{said}; left: {left}"
    return (MENDED if changed else SURVIVED), said


def _derivable(path: Path) -> bool:
    """Whether a missing file leaves nothing to notice: it says no more than the others do."""
    return not path.exists()


def _go_on(home: Home, run_id: str) -> None:
    """What a user does with a run that has not succeeded."""
    for _ in range(2):
        if open_run(home, run_id).state == "succeeded":
            return
        try:
            attempt = Attempt.claim(home, run_id, submission.resume_here(home, run_id))
        except UnlearnscopeError:
            return
        run_attempt(attempt, execute)
