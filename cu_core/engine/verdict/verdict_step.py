"""The verdict as a step of a run: progress told, controls kept for the next launch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cu_core.engine.control_knowledge import remember_controls
from cu_core.engine.setup import RunSetup
from cu_core.engine.signal_pass import SignalPass
from cu_core.engine.verdict.verdict_phase import VerdictModels, recorded_answers, verdict_on
from cu_core.learning.network import Network
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt


def verdict_step(
    attempt: Attempt,
    setup: RunSetup,
    signal_pass: SignalPass,
    *,
    before: Network,
    after: Network,
    references: Sequence[Network],
    last: int,
) -> dict[str, Any]:
    """Makes the verdict of a run while it is at work.

    Args:
        attempt: the run, which may be cancelled meanwhile.
        setup: its fixed part.
        signal_pass: passes through its probe.
        before: the base model.
        after: the unlearned one.
        references: retrained ones.
        last: number of the last healthy round.
    """
    told: set[str] = set()

    def step(message: str) -> None:
        attempt.check()
        if message not in told:  # asked between two batches
            attempt.event("finish", 0, 0, message=message)
            told.add(message)

    stored = attempt.run_dir / layout.WEIGHTS
    recorded = attempt.array(f"rounds/{last}", recorded_answers(setup))
    found = verdict_on(setup, VerdictModels(before, after, references, stored, recorded), signal_pass, step)
    # Under the choices as they were made: a launch does not read weights.
    remember_controls(attempt.spec, attempt.home, found)
    return found
