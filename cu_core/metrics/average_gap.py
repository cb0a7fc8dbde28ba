"""Average gap: one number for how far a model is from retraining, in the same unit for all that goes into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MARGINS = "margins"
"""The part that compares distributions; the others are groups of samples whose accuracies are compared."""


@dataclass(frozen=True)
class ModelScores:
    """What the gap needs to know of a model.

    Attributes:
        accuracies: group (forget, retain, unseen) to accuracy, 0..1.
        scores: (n,) of the recorded forget samples: margins of classifiers, agreement of two views of encoders.
    """

    accuracies: Mapping[str, float]
    scores: np.ndarray


@dataclass(frozen=True)
class Gap:
    """How far a model is from retrained ones.

    Attributes:
        parts: of each group and of `MARGINS`, 0..1; 0 is like retraining.
    """

    parts: Mapping[str, float]

    @property
    def value(self) -> float:
        """Their mean."""
        return float(np.mean(list(self.parts.values())))


def average_gap(model: ModelScores, references: Sequence[ModelScores]) -> Gap:
    """Mean of the gaps to retrained models in forget, retain and unseen accuracy and in what is sure of forget samples.

    The average gap of Fan et al. (SalUn, ICLR 2024, arXiv 2310.12508, section 5) is the mean of the absolute gaps in
    these accuracies and in the success of a membership attack. In place of the attack, which needs training, stands
    what such attacks look at: the Wasserstein-1 distance W between the margins of the forget samples, in units of the
    standard deviation s of the retrained models' margins over samples, as W / (W + s). That is 0 where they are
    distributed alike, 1/2 where they lie one deviation off, and never quite 1, so that nearer is told from farther
    where a threshold would already tell all samples apart. Too sure and too unsure count alike.

    Args:
        model: of any kind.
        references: retrained models on the same samples; accuracies are compared with their mean, margins with those of
            all of them together.

    Raises:
        ValueError: no reference.
    """
    if not references:
        raise ValueError("there is no reference to be far from")
    parts = {
        group: abs(value - float(np.mean([r.accuracies[group] for r in references])))
        for group, value in model.accuracies.items()
    }
    parts[MARGINS] = _distance(model.scores, [r.scores for r in references])
    return Gap(parts)


def gaps_among(references: Sequence[ModelScores]) -> list[float]:
    """The gap of each reference to the others: what retraining with another seed does; empty with fewer than two."""
    if len(references) < 2:
        return []
    return [
        average_gap(one, [*references[:place], *references[place + 1 :]]).value for place, one in enumerate(references)
    ]


def _distance(own: np.ndarray, theirs: Sequence[np.ndarray]) -> float:
    pooled = np.concatenate(theirs)
    moved = _wasserstein(own, pooled)
    return moved / (moved + float(pooled.std())) if moved else 0.0


def _wasserstein(one: np.ndarray, other: np.ndarray) -> float:
    """Area between the two distribution functions, which is the Wasserstein-1 distance on a line.

    Not SciPy's: pages read trials, and its statistics take a second to load.
    """
    at = np.sort(np.concatenate([one, other]))
    below = [np.searchsorted(np.sort(scores), at[:-1], side="right") / len(scores) for scores in (one, other)]
    return float((np.abs(below[0] - below[1]) * np.diff(at)).sum())
