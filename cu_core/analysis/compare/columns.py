"""The columns of a comparison: what each is called, how it is read from a run and written down."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.compare.measures import (
    attack_measure,
    images_measure,
    metric_measure,
    passes_measure,
    rounds_measure,
    seconds_measure,
    time_measure,
    tow_measure,
    verdict_measure,
)
from cu_core.base.errors import BadInput
from cu_core.catalogue.attack_record import ATTACKS, WAYS
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.question_record import STATES

DEFAULT_ATTACK = "loss"
VERDICT = "verdict"


@dataclass(frozen=True)
class ComparedColumn:
    """One compared number.

    Attributes:
        id: key in tables.
        title: name shown to people.
        summary: one sentence: what it is and which value is the target.
        percent: whether it is a share that is shown in percent.
        digits: after the decimal point, as it is shown.
        against_reference: whether its target is the reference, so that a distance to it means something.
        read: takes a run and the id of a membership attack.
        states: whether it is a state of a verdict: its number is the state's rank, 0 for the worst.
    """

    id: str
    title: str
    summary: str
    percent: bool
    digits: int
    against_reference: bool
    read: Callable[[Compared, str], ComparedMetric]
    states: bool = False

    def text(self, value: float | None) -> str:
        """The value as people read it, without a unit; ``n/a`` where there is none."""
        if value is None or not math.isfinite(value):
            return "n/a"
        return f"{100 * value if self.percent else value:.{self.digits}f}"

    def named(self, values: Sequence[float | None]) -> list[str]:
        """The states behind the values of single runs; empty texts for runs without one.

        Args:
            values: ranks of `cu_core.catalogue.question_record.STATES`.
        """
        names = list(STATES)
        return ["" if value is None else names[int(value)] for value in values]

    @property
    def heading(self) -> str:
        """The title with its unit."""
        return f"{self.title} (%)" if self.percent else self.title


def _without_attack(read: Callable[[Compared], ComparedMetric]) -> Callable[[Compared, str], ComparedMetric]:
    return partial(_drop_attack, read)


def _drop_attack(read: Callable[[Compared], ComparedMetric], run: Compared, attack: str) -> ComparedMetric:
    return read(run)


def _attack(way: str, run: Compared, attack: str) -> ComparedMetric:
    return attack_measure(run, attack, way)


def _metrics() -> list[ComparedColumn]:
    return [
        ComparedColumn(
            metric.id,
            metric.title,
            metric.summary,
            metric.percent,
            1 if metric.percent else 3,
            True,
            _without_attack(partial(_metric, metric.id)),
        )
        for metric in METRICS.values()
    ]


def _metric(metric_id: str, run: Compared) -> ComparedMetric:
    return metric_measure(run, metric_id)


def _passes(group: str, run: Compared) -> ComparedMetric:
    return passes_measure(run, group)


COLUMNS: dict[str, ComparedColumn] = {
    c.id: c
    for c in (
        ComparedColumn(
            VERDICT,
            "Verdict",
            "Whether the model can be told from retrained ones; over seeds the worst state and how many runs have it. "
            "Sorted, the worst come first.",
            False,
            0,
            False,
            _without_attack(verdict_measure),
            states=True,
        ),
        *_metrics(),
        ComparedColumn(
            "tow",
            "Tug of war",
            "Product over forget, retain and unseen of 1 - |accuracy - reference's accuracy| (Zhao et al. 2024); 1 is "
            "like retraining. The interval is a bootstrap over samples and references.",
            False,
            3,
            False,
            _without_attack(tow_measure),
        ),
        *(
            ComparedColumn(
                f"auc_{way}",
                f"Attack AUC, {WAYS[way].title.lower()}",
                f"AUC of the chosen membership attack after unlearning. {WAYS[way].summary} 0.5 cannot tell; the "
                "target is the reference. An attack on a single number ranks alike however it was fitted.",
                False,
                3,
                True,
                partial(_attack, way),
            )
            for way in ("transferred", "refitted")
        ),
        ComparedColumn(
            "time_share",
            "Time of retraining",
            "Time of the method, evaluation not counted, as a share of the mean time of one retraining: seconds of the "
            "processor over all threads, on CUDA of the device. Of older runs the time that passed.",
            True,
            1,
            False,
            _without_attack(time_measure),
        ),
        ComparedColumn(
            "images_share",
            "Images of retraining",
            "Images that the method drew, in all groups, as a share of those that one retraining draws.",
            True,
            1,
            False,
            _without_attack(images_measure),
        ),
        ComparedColumn(
            "seconds",
            "Seconds",
            "Time of the method, evaluation not counted: of the processor over all threads, on CUDA of the device. Of "
            "older runs the time that passed.",
            False,
            1,
            False,
            _without_attack(seconds_measure),
        ),
        ComparedColumn(
            "passes_forget",
            "Passes, forget",
            "How often the method drew the whole forget set.",
            False,
            1,
            False,
            _without_attack(partial(_passes, "forget")),
        ),
        ComparedColumn(
            "passes_retain",
            "Passes, retain",
            "How often the method drew the whole retain set.",
            False,
            1,
            False,
            _without_attack(partial(_passes, "retain")),
        ),
        ComparedColumn(
            "rounds", "Rounds", "Rounds until it stopped.", False, 1, False, _without_attack(rounds_measure)
        ),
    )
}
"""All columns by id; those of `cu_core.catalogue.metric_record.METRICS` have its ids."""

_CLASS = ("forget_acc", "retain_acc", "test_acc_forgotten", "test_acc_retained", "probe_recovery")
_SAMPLE = ("forget_acc", "retain_acc", "test_acc")
_ALWAYS = ("tow", "auc_transferred", "auc_refitted", "time_share", "images_share", "passes_forget", "passes_retain")


def default_columns(runs: Sequence[Compared]) -> list[str]:
    """Ids of the columns that suit some runs: accuracies by their tasks, tug of war, attacks, cost, verdicts if any."""
    wanted = [
        column
        for task, columns in (("class", _CLASS), ("sample", _SAMPLE))
        for column in columns
        if any(run.task == task for run in runs)
    ]
    if any(run.kind == "self-supervised" for run in runs):
        wanted.append("linear_acc")
    if any(verdict_measure(run).value is not None for run in runs):
        wanted.insert(0, VERDICT)
    return [column for column in dict.fromkeys([*wanted, *_ALWAYS]) if column in COLUMNS]


def columns_named(ids: Sequence[str]) -> list[ComparedColumn]:
    """Columns by their ids.

    Raises:
        BadInput: no such column.
    """
    for name in ids:
        if name not in COLUMNS:
            raise BadInput("columns", f"no column named {name!r}", COLUMNS, given=name)
    return [COLUMNS[name] for name in ids]


def attacks_made(runs: Sequence[Compared]) -> list[str]:
    """Ids of the attacks that any of the runs made, the default one first where it is among them."""
    made = {attack for run in runs for attack in run.result.get("attacks") or {}}
    known = [attack for attack in ATTACKS if attack in made]
    return sorted(known, key=lambda attack: attack != DEFAULT_ATTACK)
