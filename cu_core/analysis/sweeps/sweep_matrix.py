"""Progress of a sweep: one row per method, hyper-parameters and forget set, one cell per seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.analysis.sweeps.done import DONE, key_of
from cu_core.base.parameters import describe
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import RunSpec, short
from cu_core.runstore.reader import RunRow

KEY_METRICS = ("forget_acc", "retain_acc", "test_acc", "mia_auc")
"""What a line sums up; of class forgetting `test_acc` is that of the classes that stay."""


@dataclass(frozen=True)
class SeedRuns:
    """The runs that differ in their seed alone.

    Attributes:
        method: id.
        title: the method's name with the hyper-parameters that set it apart in this sweep.
        forget: the forget set, short.
        cells: seed to its run; None where it was never queued.
    """

    method: str
    title: str
    forget: str
    cells: Mapping[int, RunRow | None]

    @property
    def succeeded(self) -> list[RunRow]:
        """The runs that have a result."""
        return [row for row in self.cells.values() if row is not None and row.state == "succeeded"]

    def mean(self, metric: str) -> tuple[float | None, float | None]:
        """Mean and sample standard deviation of one of `KEY_METRICS` over the runs with a result.

        Returns:
            None for the mean without a value, None for the deviation with fewer than two.
        """
        values = [value for row in self.succeeded if (value := key_value(row, metric)) is not None]
        if not values:
            return None, None
        return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def key_value(row: RunRow, metric: str) -> float | None:
    """One of `KEY_METRICS` of a run as it is now; None where it has none."""
    metrics = row.metrics or {}
    value = metrics.get("test_acc_retained", metrics.get("test_acc")) if metric == "test_acc" else metrics.get(metric)
    return value if value is not None and math.isfinite(value) else None


def lines(specs: Sequence[RunSpec], found: Mapping[str, RunRow]) -> list[SeedRuns]:
    """The lines of a matrix, in the order of the specifications.

    Args:
        specs: of the sweep.
        found: their runs, as `cu_core.analysis.sweeps.done.matching` returns them.
    """
    varied = _varied(specs)
    cells: dict[tuple[str, str, str], dict[int, RunRow | None]] = {}
    for spec in specs:
        place = (spec.method.id, _title(spec, varied[spec.method.id]), short(spec.forget.select))
        cells.setdefault(place, {})[spec.seed] = found.get(key_of(spec))
    return [SeedRuns(*place, by_seed) for place, by_seed in cells.items()]


def tally(specs: Sequence[RunSpec], found: Mapping[str, RunRow]) -> dict[str, int]:
    """How many of the specifications are in which state; ``"missing"`` counts those that were never queued."""
    counts: dict[str, int] = {}
    for spec in specs:
        row = found.get(key_of(spec))
        state = "missing" if row is None else row.state
        counts[state] = counts.get(state, 0) + 1
    order = (*DONE, "failed", "cancelled", "lost", "missing")
    return {state: counts[state] for state in order if state in counts}


def _varied(specs: Sequence[RunSpec]) -> dict[str, list[str]]:
    """For each method the hyper-parameters that differ between its runs on one and the same forget set."""
    seen: dict[tuple[str, str], dict[str, set[object]]] = {}
    for spec in specs:
        values = seen.setdefault((spec.method.id, spec.forget.select), {})
        for d in describe(type(spec.method.params)):
            values.setdefault(d.name, set()).add(getattr(spec.method.params, d.name))
    found: dict[str, list[str]] = {spec.method.id: [] for spec in specs}
    for (method_id, _), values in seen.items():
        names = found[method_id]
        names += [name for name, several in values.items() if len(several) > 1 and name not in names]
    return found


def _title(spec: RunSpec, varied: Sequence[str]) -> str:
    record = method(spec.method.id)
    labels = {d.name: d.param.label for d in describe(record.params)}
    apart = [f"{labels[name]} {_text(getattr(spec.method.params, name))}" for name in varied]
    return " · ".join([record.title, *apart])


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
