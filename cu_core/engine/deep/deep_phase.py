"""The last phase of a deep audit: shadow after shadow, shared with other runs, then the numbers."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from cu_core.base.files import read_json
from cu_core.catalogue.deep_audit import check_deep_audit
from cu_core.engine.deep.deep_result import Asked, deep_numbers
from cu_core.engine.deep.deep_targets import FEWEST, ShadowTargets, shadow_targets
from cu_core.engine.deep.shadow_models import ShadowMaker, ShadowMargins
from cu_core.engine.progress import Progress
from cu_core.engine.setup import RunSetup
from cu_core.learning.network import Network
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt

PHASE = "shadows"
_WAIT_SECONDS = 0.5


class DeepAudit:
    """The deep audit of a run; nothing where none is asked for.

    Args:
        setup: the fixed part of the run.
        attempt: the run's.
        progress: gets a phase with a unit per shadow.

    Raises:
        BadInput: it cannot be made; said before anything is trained.
    """

    def __init__(self, setup: RunSetup, attempt: Attempt, progress: Progress) -> None:
        self._setup = setup
        self._attempt = attempt
        self._progress = progress
        self._count = setup.spec.audit.shadows
        self._targets: ShadowTargets | None = None
        if self._count:
            check_deep_audit(setup.spec)
            self._targets = shadow_targets(setup)
        progress.plan(PHASE, self._count)

    def make(
        self, before: Network, after: Network, reference: Network | None, rounds: int, weights_sha256: str
    ) -> dict[str, Any] | None:
        """Makes all shadows and works out the numbers; those that were made before are taken as they are.

        Args:
            before: the model before unlearning.
            after: the unlearned model.
            reference: one that was retrained; None where there is none.
            rounds: that the run took.
            weights_sha256: of the unlearned model.

        Returns:
            What the result tells as ``deep_audit``; None where none is asked for.
        """
        if self._targets is None:
            return None
        began, processor = time.perf_counter(), time.process_time()
        maker = ShadowMaker(self._setup, self._targets, self._attempt.home, rounds, self._attempt.check)
        asked = Asked(
            maker.margins(before), maker.margins(after), None if reference is None else maker.margins(reference)
        )
        self._progress.start(PHASE, f"{self._count} shadow models")
        shadows, made = self._shadows(maker)
        audit = self._setup.spec.audit
        numbers = deep_numbers(
            self._targets,
            sorted(shadows.items()),
            asked,
            draws=audit.draws,
            seed=audit.seed,
            reported=self._targets.reported_by(self._setup),
        )
        same = self._same_weights(weights_sha256)
        return numbers | {
            "of_run": audit.of_run,
            "same_weights": same,
            "notes": self._notes(numbers, same),
            "made": made,
            "seconds": time.perf_counter() - began,
            "processor_seconds": time.process_time() - processor,
            "shadow_seconds": sum(found.seconds for found in shadows.values()),
        }

    def _shadows(self, maker: ShadowMaker) -> tuple[dict[int, ShadowMargins], int]:
        """All shadows, and how many of them were made here; those that another run is at are come back to."""
        first = self._setup.spec.audit.first_shadow % self._count
        waiting = [*range(first, self._count), *range(first)]
        found: dict[int, ShadowMargins] = {}
        made = 0
        while waiting:
            busy = []
            for shadow in waiting:
                self._attempt.check()
                margins = maker.kept(shadow)
                if margins is None:
                    margins = maker.make(shadow, partial(self._tell, shadow))
                    made += margins is not None
                    if margins is not None:
                        self._progress.step(PHASE, message=f"shadow {shadow + 1} of {self._count} is done")
                else:
                    self._progress.works[PHASE].done += 1
                if margins is None:
                    busy.append(shadow)
                else:
                    found[shadow] = margins
            if len(busy) == len(waiting):
                time.sleep(_WAIT_SECONDS)
            waiting = busy
        return found, made

    def _tell(self, shadow: int, doing: str) -> None:
        work = self._progress.works[PHASE]
        message = f"shadow {shadow + 1} of {self._count}: {doing}"
        self._attempt.event(PHASE, work.done, work.total, self._progress.seconds_left(), message=message)

    def _same_weights(self, weights_sha256: str) -> bool | None:
        """Whether this run's unlearning ended where that of the audited run did; None where nothing tells."""
        name = self._setup.spec.audit.of_run
        if not layout.is_run_id(name):
            return None
        try:
            return bool(read_json(self._attempt.home.runs / name / layout.RESULT)["weights_sha256"] == weights_sha256)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _notes(self, numbers: dict[str, Any], same: bool | None) -> list[str]:
        said = []
        spec = self._setup.spec
        if same is False:
            said.append(
                f"Unlearning, repeated here, did not end with the weights of {spec.audit.of_run}: it was done with "
                "another machine, number of threads or version. The numbers are those of the weights of this run."
            )
        if lost := numbers["shadows"] - numbers["sound"]:
            said.append(f"{lost} of the shadow models diverged in unlearning and are left out.")
        if spec.takes_own_weights or spec.model.weights:
            said.append(
                "The model before unlearning came from a file; shadow models were trained from scratch by the recipe "
                "of this run, and are only as good a guide as that recipe is the one behind the file."
            )
        assert self._targets is not None
        told, asked = numbers["forget"] + numbers["unseen"], numbers["targets"]
        if told < asked:
            said.append(
                f"Numbers on the models of this run are of the {told:,} targets that its stopping rule has not looked "
                f"at; those over shadow models of all {asked:,}."
            )
        elif not self._targets.free_of_rule(self._setup).all():
            said.append(
                f"The stopping rule has looked at some of the targets; without them fewer than {FEWEST} were left on "
                "a side, so the numbers on the models of this run are of all."
            )
        if len(self._targets.always):
            said.append(
                f"{len(self._targets.always):,} further forget samples are unlearned in every shadow model and asked "
                "about in none."
            )
        return said
