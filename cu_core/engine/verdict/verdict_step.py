"""The verdict as a step of a run: progress told, controls kept for the next launch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cu_core.catalogue.spec import RunSpec
from cu_core.engine.control_knowledge import remember_controls
from cu_core.engine.progress import Progress
from cu_core.engine.setup import RunSetup
from cu_core.engine.signal_pass import SignalPass
from cu_core.engine.verdict.verdict_phase import VerdictModels, recorded_answers, verdict_on
from cu_core.learning.network import Network
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt

PHASE = "verdict"


def verdict_units(spec: RunSpec) -> int:
    """Steps of the work: one a model; 0 where no verdict is made."""
    return 2 + spec.references if spec.audit.verdict else 0


def verdict_step(
    attempt: Attempt,
    setup: RunSetup,
    signal_pass: SignalPass,
    progress: Progress,
    *,
    before: Network,
    after: Network,
    references: Sequence[Network],
    last: int,
    keys: Sequence[str] = (),
) -> dict[str, Any]:
    """Makes the verdict of a run while it is at work.

    Args:
        attempt: the run, which may be cancelled meanwhile.
        setup: its fixed part.
        signal_pass: passes through its probe.
        progress: of all phases.
        before: the base model.
        after: the unlearned one.
        references: retrained ones.
        last: number of the last healthy round.
        keys: content hashes of what made base model and references; see `VerdictModels`.
    """
    told: set[str] = set()

    def step(message: str) -> None:
        attempt.check()
        if message in told:  # asked between two batches
            return
        # What begins now ends the work on the model before.
        if told:
            progress.step(PHASE, message=message)
        else:
            progress.start(PHASE, message)
        told.add(message)

    stored = attempt.run_dir / layout.WEIGHTS
    recorded = attempt.array(f"rounds/{last}", recorded_answers(setup))
    models = VerdictModels(before, after, references, stored, recorded, attempt.home, keys)
    found = verdict_on(setup, models, signal_pass, step)
    progress.finish(PHASE)
    # Under the choices as they were made: a launch does not read weights.
    remember_controls(attempt.spec, attempt.home, found)
    return found
