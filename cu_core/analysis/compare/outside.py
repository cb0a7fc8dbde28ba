"""Which numbers of a run lie outside the references' bands, and how many would by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.compare.measures import metric_measure
from cu_core.catalogue.metric_record import METRICS

CHANCE = 0.05
"""Share of one more retrained model's numbers that lie outside their 95 % bands."""


@dataclass(frozen=True)
class Outside:
    """The metrics of a run that have a band.

    Attributes:
        measured: metric id to the number beside its band, in the order of the list of metrics.
        names: ids of those that lie outside.
    """

    measured: Mapping[str, ComparedMetric]
    names: tuple[str, ...]

    @property
    def by_chance(self) -> float:
        """How many numbers of one more retrained model would lie outside on average."""
        return CHANCE * len(self.measured)

    def words(self) -> str:
        """Both in a sentence; empty without any band."""
        n, beyond = len(self.measured), len(self.names)
        if not n:
            return ""
        rows = f"{n} row{' has' if n == 1 else 's have'} a band, {beyond} lie{'s' * (beyond == 1)} outside it"
        return f"{rows}; of a true retraining {self.by_chance:.1f} would on average, by chance alone."


def outside(run: Compared) -> Outside:
    """The numbers of a finished run beside their bands.

    Args:
        run: with two references or more; others have no band.
    """
    measured = {}
    for name, metric in METRICS.items():
        if run.task in metric.tasks and (found := metric_measure(run, name)).distance is not None:
            measured[name] = found
    return Outside(measured, tuple(name for name, found in measured.items() if is_outside(found)))


def is_outside(found: ComparedMetric) -> bool:
    """Whether a number has a band and lies outside it."""
    return found.distance is not None and abs(found.distance) > 1
