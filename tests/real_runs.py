"""Real runs for tests: a specification from usual parts and a few changes, worked off in this process."""

from __future__ import annotations

from typing import Any

from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView, open_run


def submit_changed(home: Home, usual: dict[str, Any], changes: dict[str, Any]) -> str:
    """Makes a run of the usual parts, in which `changes` replace single fields of parts, and whole values elsewhere."""
    content = usual | {
        name: usual.get(name, {}) | part if isinstance(part, dict) else part for name, part in changes.items()
    }
    return submission.submit(spec_from_json(content), home, foreground=True)


def work(home: Home, run_id: str, number: int = 1, kind: type[Attempt] = Attempt) -> RunView:
    """Does one attempt at a run."""
    run_attempt(kind.claim(home, run_id, number), execute)
    return open_run(home, run_id)


def work_to_the_end(home: Home, run_id: str) -> tuple[RunView, dict[str, Any]]:
    """The run after its first attempt, which has to succeed, and its result."""
    view = work(home, run_id)
    assert view.state == "succeeded", view.error
    result = view.result()
    assert result is not None
    return view, result
