"""How far each trial of a tuning is from retraining, read from its run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.analysis.sweeps.done import key_of, matching
from cu_core.analysis.tuning.tuning_plan import Tuning
from cu_core.base.errors import BadInput
from cu_core.base.file_cache import cached_by_file
from cu_core.base.home import Home
from cu_core.metrics.average_gap import Gap, ModelScores, average_gap, gaps_among
from cu_core.metrics.logit_margin import logit_margins
from cu_core.runstore import layout
from cu_core.runstore.reader import RunRow, RunView

SECONDS = ("unlearn", "evaluate")
"""What a trial costs beyond models that all trials share."""
OF_THE_MACHINE = ("out-of-disk", "worker-lost")
"""Kinds of failures after which a trial is made again."""


@dataclass(frozen=True)
class JudgedTrial:
    """What the files of a finished run say of a trial.

    Attributes:
        gap: to the references; None where it cannot be measured.
        among: distances of the references from each other.
        rounds: that it took.
        stopped_by: as in the result.
        seconds: of `SECONDS`.
        unlearn_seconds: of unlearning alone.
        reason: why there is no gap; empty where there is one.
    """

    gap: Gap | None
    among: tuple[float, ...] = ()
    rounds: int = 0
    stopped_by: str = ""
    seconds: float = 0.0
    unlearn_seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Trial:
    """One trial as it is now.

    Attributes:
        number: from 1.
        values: field to value, all fields of the method.
        row: its run; None where it was never queued.
        judged: what its result says; None before it has one.
        counts: whether a failure of its run says something of its values; a full disk does not.
    """

    number: int
    values: Mapping[str, Any]
    row: RunRow | None = None
    judged: JudgedTrial | None = None
    counts: bool = True

    @property
    def state(self) -> str:
        """Of its run; ``missing`` without one."""
        return "missing" if self.row is None else self.row.state

    @property
    def ended(self) -> bool:
        """Whether it is over, by a result or by a failure, which is an outcome as well: values may break a method."""
        return self.state == "succeeded" or (self.state == "failed" and self.counts)

    @property
    def distance(self) -> float | None:
        """To retraining; None where it has none."""
        return self.judged.gap.value if self.judged is not None and self.judged.gap is not None else None

    @property
    def reason(self) -> str:
        """Why it has no distance, in words; empty where it has one, or is not over."""
        if self.judged is not None:
            return self.judged.reason
        return (self.row.error or "") if self.row is not None and self.state == "failed" else ""


def trials_of(tuning: Tuning, home: Home) -> list[Trial]:
    """The trials of a tuning in their order, with what is known of each."""
    specs = tuning.specs
    found = matching(specs, home)
    trials = []
    for number, (values, spec) in enumerate(zip(tuning.values, specs, strict=True), 1):
        row = found.get(key_of(spec))
        judged, counts = None, True
        if row is not None and row.state == "succeeded":
            judged = _judged(os.path.join(home.runs, row.run_id, layout.RESULT))
        elif row is not None and row.state == "failed":
            error = RunView(home.runs / row.run_id).error or {}
            counts = error.get("kind") not in OF_THE_MACHINE
        trials.append(Trial(number, values, row, judged, counts))
    return trials


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The trial nearest to retraining, of equal ones the first; None where none has a distance."""
    known = [trial for trial in trials if trial.distance is not None]
    return min(known, key=lambda trial: (trial.distance, trial.number)) if known else None


def spent_seconds(trials: Sequence[Trial]) -> float:
    """What the trials took so far beyond training what they share."""
    return sum(trial.judged.seconds for trial in trials if trial.judged is not None)


def waiting(tuning: Tuning, trials: Sequence[Trial]) -> list[Trial]:
    """The trials that are still to be made: neither over nor beyond the minutes that were granted."""
    if tuning.minutes and spent_seconds(trials) >= 60 * tuning.minutes:
        return []
    return [trial for trial in trials if not trial.ended]


# A page asks every few seconds; a result is written once.
@cached_by_file(maxsize=20_000, absent=JudgedTrial(None, reason="its result is gone"))
def _judged(path: Path) -> JudgedTrial:
    return judged_run(RunView(path.parent))


def judged_run(view: RunView) -> JudgedTrial:
    """What a finished run says of its trial, by the samples that no stopping rule looked at."""
    result = view.result()
    if result is None:
        return JudgedTrial(None, reason="its result cannot be read")
    seconds = {name: float(result["seconds"].get(name) or 0.0) for name in SECONDS}
    told: dict[str, Any] = {
        "rounds": int(result["rounds"]),
        "stopped_by": str(result["stopped_by"]),
        "seconds": sum(seconds.values()),
        "unlearn_seconds": seconds["unlearn"],
    }
    if told["stopped_by"] == "not_a_number":
        # What the run kept is its last healthy round, before the first even the base model: not what these values do.
        return JudgedTrial(None, reason=f"its weights were no longer numbers in round {told['rounds'] + 1}", **told)
    try:
        model, references = _scores(view, result)
    except BadInput as error:
        return JudgedTrial(None, reason=str(error), **told)
    if not references:
        return JudgedTrial(None, reason="it has no reference", **told)
    return JudgedTrial(average_gap(model, references), tuple(gaps_among(references)), **told)


def _scores(view: RunView, result: Mapping[str, Any]) -> tuple[ModelScores, list[ModelScores]]:
    encoder, table = view.spec.self_supervised, view.probe()
    rows = np.flatnonzero((table["group"] == "forget").to_numpy() & ~table["rule"].to_numpy())
    labels = table["label"].to_numpy()[rows]

    def of(metrics: Mapping[str, float | None], logits: np.ndarray, cosine: np.ndarray | None) -> ModelScores:
        scores = logit_margins(logits[rows], labels) if cosine is None else cosine[rows].astype(np.float64)
        return ModelScores(_accuracies(metrics, mute=encoder and view.spec.task == "class"), scores)

    def cosine(read: Any) -> np.ndarray | None:
        return read("two_view_cosine") if encoder else None

    last = int(result["rounds"])
    model = of(result["metrics"]["after"], view.array(last, "logits"), cosine(lambda name: view.array(last, name)))
    references = [
        of(
            reference["metrics"],
            view.reference_array(reference["seed"], "logits"),
            cosine(lambda name, seed=reference["seed"]: view.reference_array(seed, name)),  # type: ignore[misc]
        )
        for reference in result["references"]
    ]
    return model, references


def _accuracies(metrics: Mapping[str, float | None], *, mute: bool) -> dict[str, float]:
    """Accuracies by group: of class forgetting unseen samples are those of the classes that stay.

    An encoder's votes cannot name a class that has no voter, so its accuracy on a forgotten one says nothing.
    """
    unseen = metrics.get("test_acc_retained")
    found = {
        "forget": None if mute else metrics.get("forget_acc"),
        "retain": metrics.get("retain_acc"),
        "unseen": metrics.get("test_acc") if unseen is None else unseen,
    }
    return {group: value for group, value in found.items() if value is not None}
