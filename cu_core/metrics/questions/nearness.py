"""How near a model is to retraining by the verdict's cheap numbers: the largest distance, in half widths of bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cu_core.metrics.questions.answers_alike import answers_alike
from cu_core.metrics.questions.null_test import LEVEL, Null, measured_beside, null_of
from cu_core.metrics.questions.remembers import remembers
from cu_core.metrics.questions.verdict_evidence import ModelSeen, Statistic, VerdictEvidence

CHEAP = ("margin", "position", "odds")
"""Statistics of the questions `remembers` and `answers_alike` that one pass over recorded samples gives."""
POSITION = "position"
INSIDE = 1.0
"""Distance up to which a model lies where one more retrained model would, in every one of the numbers."""


@dataclass(frozen=True)
class Nearness:
    """One model beside retrained ones.

    Attributes:
        distances: of the statistics in `CHEAP` that exist, |number - mean of the references| in half widths of the
            95 % band of one more reference (each left out in turn).
        position: of its answers on forget samples: 0 as retrained models, 1 as the model before unlearning; None where
            these answer alike.
    """

    distances: dict[str, float]
    position: float | None

    @property
    def distance(self) -> float:
        """The largest of the distances."""
        return max(self.distances.values())

    @property
    def farthest(self) -> str:
        """Which statistic that is."""
        return max(self.distances, key=self.distances.__getitem__)


@dataclass(frozen=True)
class Yardstick:
    """What the distance of a model to retraining is measured with.

    Attributes:
        references: retrained models.
        statistics: of `CHEAP`, each with what the references say of it.
    """

    references: tuple[ModelSeen, ...]
    statistics: tuple[tuple[Statistic, Null], ...]

    @classmethod
    def of(
        cls,
        base: ModelSeen,
        references: Sequence[ModelSeen],
        *,
        task: str,
        kind: str,
        classes: int,
        forgotten: Sequence[int],
    ) -> Yardstick | None:
        """Measures the references beside each other.

        Args:
            base: the model before unlearning.
            references: retrained models on the same samples.
            task: see `VerdictEvidence`, like the next three.
            kind: of the training objective.
            classes: number of classes of the data.
            forgotten: labels of the forgotten classes.

        Returns:
            None with fewer than two references, or where there are too few samples for any of the numbers.
        """
        evidence = VerdictEvidence(
            base=base,
            after=base,
            references=tuple(references),
            task=task,
            kind=kind,
            classes=classes,
            forgotten=tuple(forgotten),
        )
        asked = [s for ask in (remembers, answers_alike) for s in ask(evidence).statistics if s.id in CHEAP]
        found = [(s, null) for s in asked if (null := null_of(s.of, references, s.floor)) is not None]
        return cls(tuple(references), tuple(found)) if found else None

    def measure(self, model: ModelSeen) -> Nearness | None:
        """How near a model is; None where one of the numbers cannot be measured on it.

        Args:
            model: on the same samples.
        """
        values = {s.id: measured_beside(s.of, model, self.references) for s, _ in self.statistics}
        distances = {}
        for statistic, null in self.statistics:
            value = values[statistic.id]
            if value is None or not math.isfinite(value):
                return None
            distances[statistic.id] = abs(value - null.mean) / null.half_width(LEVEL)
        return Nearness(distances, values.get(POSITION))


def nearest_of(rounds: Sequence[int], distances: Sequence[float | None]) -> int | None:
    """The round with the smallest distance, the first of several; None where none has one.

    Args:
        rounds: their numbers.
        distances: of each; None where it has none.
    """
    known = [(d, r) for r, d in zip(rounds, distances, strict=True) if d is not None]
    return min(known)[1] if known else None
