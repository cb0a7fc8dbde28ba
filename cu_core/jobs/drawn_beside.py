"""Trials of a tuning drawn by a process beside this one: scikit-learn stays out of a dashboard's server."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.method_record import Method, method

PATIENCE_SECONDS = 300.0


def draw_beside(record: Method, start: Mapping[str, Any], trials: int, seed: int) -> list[dict[str, Any]]:
    """As `cu_core.analysis.tuning.trial_sampling.draw_trials`, in a process of its own.

    Raises:
        UnlearnscopeError: the process failed, or took far too long.
    """
    asked = json.dumps([record.id, dict(start), trials, seed])
    command = [sys.executable, "-m", "cu_core.jobs.drawn_beside"]
    try:
        done = subprocess.run(
            command, input=asked, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
        )
        found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as error:
        raise UnlearnscopeError(f"no trials could be drawn: {error}") from error
    return found


def main() -> int:
    """Reads what is asked as one line of JSON and writes the trials as another."""
    importlib.import_module("cu_core")  # fills the registries
    method_id, start, trials, seed = json.loads(sys.stdin.read())
    sampling = importlib.import_module("cu_core.analysis.tuning.trial_sampling")
    print(json.dumps(sampling.draw_trials(method(method_id), start, trials, seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
