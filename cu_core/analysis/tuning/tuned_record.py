"""What comes of a tuning: the values nearest to retraining as a named recipe, with the table of all trials."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from cu_core.analysis.tuning.trial_results import Trial, best_of, waiting
from cu_core.analysis.tuning.tuning_plan import Tuning
from cu_core.base.errors import BadInput
from cu_core.base.version import __version__
from cu_core.catalogue.named_recipes import NamedRecipe, made_for, tuned_on

DIGITS = 6
"""Digits behind the point of stored distances."""


def recipe_of(tuning: Tuning, trials: Sequence[Trial]) -> NamedRecipe:
    """The recipe of a tuning whose trials are over.

    Args:
        tuning: the plan.
        trials: as `trials_of` gives them; of a plan that ran out of minutes those that were made count.

    Raises:
        BadInput: trials are waiting, or none has a distance.
    """
    if waiting(tuning, trials):
        raise BadInput("tuning", f"{tuning.name} is not over: {len(waiting(tuning, trials))} trials are missing")
    made = [trial for trial in trials if trial.ended]
    best = best_of(made)
    if best is None or best.judged is None:
        raise BadInput("tuning", f"no trial of {tuning.name} has a distance to retraining")
    return NamedRecipe(
        name=tuning.name,
        method=tuning.method,
        values=dict(best.values),
        made_for=made_for(tuning.reported),
        tuned_on=tuned_on(tuning.base),
        reported={"forget": tuning.reported.forget.select, "seed": tuning.reported.seed},
        distance={
            "before": _rounded(trials[0].distance),
            "after": _rounded(best.distance),
            "among_references": [_rounded(one) for one in best.judged.among],
        },
        budget={
            "trials": tuning.trials,
            "minutes": tuning.minutes,
            "made": len(made),
            "failed": sum(trial.distance is None for trial in made),
        },
        trials=[_told(trial) for trial in made],
        version=__version__,
        made=round(time.time(), 0),
    )


def _told(trial: Trial) -> dict[str, Any]:
    judged = trial.judged
    parts = judged.gap.parts if judged is not None and judged.gap is not None else {}
    return {
        "number": trial.number,
        "values": dict(trial.values),
        "distance": _rounded(trial.distance),
        "parts": {name: _rounded(value) for name, value in parts.items()},
        "state": trial.state,
        "rounds": judged.rounds if judged is not None else None,
        "stopped_by": judged.stopped_by if judged is not None else None,
        "seconds": round(judged.seconds, 2) if judged is not None else None,
        "unlearn_seconds": round(judged.unlearn_seconds, 2) if judged is not None else None,
        "run_id": trial.row.run_id if trial.row is not None else None,
        "reason": trial.reason,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
