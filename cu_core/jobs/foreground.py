"""A run done by the process that asks for it: from a shell, from Python."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.data.copies import copies_in_words
from cu_core.data.forget import copies_of
from cu_core.engine.control_knowledge import before_launch
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.jobs.command import processes_of
from cu_core.jobs.together import work_together
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import open_run

Show = Callable[[dict[str, Any]], None]
Tell = Callable[[str], None]


def _silent(_: Any) -> None:
    pass


class _ToldAttempt(Attempt):
    """An attempt whose progress somebody hears."""

    show: Show = staticmethod(_silent)

    def event(self, phase: str, done: int, total: int, *details: Any, **named: Any) -> None:
        """Stores the event and tells it."""
        super().event(phase, done, total, *details, **named)
        values = dict(zip(("seconds_left", "metrics", "message"), details, strict=False)) | named
        self.show({"phase": phase, "done": done, "total": total} | values)


def run_here(
    spec: RunSpec, home: Home, *, token: str | None = None, show: Show = _silent, tell: Tell = _silent
) -> tuple[str, str]:
    """Makes a run and does it.

    Args:
        spec: what to run.
        home: where runs live.
        token: the same token never makes a second run.
        show: hears of every step, as `Attempt.event` writes it.
        tell: hears the run's id before it begins, and what happens beside its steps.

    Returns:
        The run's id, and the state that it ended in; of a known token, that of its run, at which nothing was done.

    Raises:
        BadInput: the specification cannot run.
    """
    run_id = submission.submit(spec, home, token=token, foreground=True)
    state = open_run(home, run_id).state
    if state != "starting":
        tell(f"the token belongs to run {run_id}, which is {state}")
        return run_id, state
    if found := copies_of(spec, home):
        for words in copies_in_words(found):
            tell(words)
    for words in before_launch([spec], home):
        tell(f"note: {words}")
    return run_id, work_here(home, run_id, 1, show=show, tell=tell)


def resume_here(home: Home, run_id: str, *, show: Show = _silent, tell: Tell = _silent) -> str:
    """Goes on with a run that was cancelled, failed or lost; returns the state that it ended in.

    Raises:
        BadInput: no such run, or it is running or has succeeded.
    """
    return work_here(home, run_id, submission.resume_here(home, run_id), show=show, tell=tell)


def work_here(home: Home, run_id: str, number: int, *, show: Show = _silent, tell: Tell = _silent) -> str:
    """Does an attempt that was made for this process; returns the state that it ended in."""
    tell(f"run {run_id}")
    # Before torch loads its thread pool, see `cu_core.__main__`.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if processes_of(layout.run_dir(home, run_id)) > 1:
        return work_together(home, run_id, number, show, tell)
    attempt = _ToldAttempt.claim(home, run_id, number)
    attempt.show = show
    return run_attempt(attempt, _execute)


def _execute(attempt: Attempt) -> Mapping[str, Any]:
    # Torch takes seconds to import; meanwhile the attempt beats, and can be cancelled.
    result: Mapping[str, Any] = importlib.import_module("cu_core.engine.loop").execute(attempt)
    return result


def in_words(error: dict[str, Any]) -> str:
    """Message and hint of a failure as sentences of one line."""
    message, hint = error.get("message", "no reason recorded"), error.get("hint", "")
    return f"{message}{'' if message.endswith(('.', '!', '?')) else '.'} {hint}" if hint else message
