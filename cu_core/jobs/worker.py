"""The process that does one attempt, or one of several that do: ``python -m cu_core worker RUN --attempt N``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.engine.perform import run_attempt
from cu_core.engine.shared_attempt import SharedAttempt
from cu_core.jobs.node import arrive
from cu_core.learning.parallel.torchrun import among_several, rank
from cu_core.runstore.attempt import Attempt


def main(home: Home, run_id: str, number: int) -> int:
    """Claims an attempt, does it and writes its outcome; of several processes the first one does.

    Args:
        home: where the run lives.
        run_id: of the run.
        number: of the attempt, as the dispatcher made it.

    Returns:
        Exit code: 0 if the run succeeded, else 1. Of several processes, 0 also where it was ended on purpose, so that
        torchrun does not take that for a fault.
    """
    several = among_several()
    try:
        arrive(home, run_id, number)
    except UnlearnscopeError as error:
        print(f"nothing done: {error}", file=sys.stderr)
        return 1
    if several and rank() > 0:
        code: int = import_module("cu_core.engine.follower").follow(home, run_id, number)
        return code
    try:
        attempt = (SharedAttempt if several else Attempt).claim(home, run_id, number)
    except UnlearnscopeError as error:
        print(f"nothing done: {error}", file=sys.stderr)
        return 1
    state = run_attempt(attempt, _execute_together if several else _execute)
    print(f"attempt {number} at {run_id}: {state}", file=sys.stderr)
    ended = ("succeeded", "cancelled", "replaced") if several else ("succeeded",)
    return 0 if state in ended else 1


def _execute(attempt: Attempt) -> Mapping[str, Any]:
    # Torch takes seconds to import; claimed and beating, the attempt does not look like one that never started.
    result: Mapping[str, Any] = import_module("cu_core.engine.loop").execute(attempt)
    return result


def _execute_together(attempt: Attempt) -> Mapping[str, Any]:
    result: Mapping[str, Any] = import_module("cu_core.engine.lead").lead(attempt)
    return result
