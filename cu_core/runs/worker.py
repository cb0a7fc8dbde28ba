"""The process that does one attempt: ``python -m cu_core worker RUN --attempt N``."""

from __future__ import annotations

import sys

from cu_core import engine
from cu_core.errors import UnlearnscopeError
from cu_core.home import Home
from cu_core.runs.attempt import Attempt
from cu_core.runs.perform import run_attempt


def main(home: Home, run_id: str, number: int) -> int:
    """Claims an attempt, does it and writes its outcome.

    Args:
        home: where the run lives.
        run_id: of the run.
        number: of the attempt, as the dispatcher made it.

    Returns:
        Exit code: 0 if the run succeeded, else 1.
    """
    try:
        attempt = Attempt.claim(home, run_id, number)
    except UnlearnscopeError as error:
        print(f"nothing done: {error}", file=sys.stderr)
        return 1
    state = run_attempt(attempt, engine.execute)
    print(f"attempt {number} at {run_id}: {state}", file=sys.stderr)
    return 0 if state == "succeeded" else 1
