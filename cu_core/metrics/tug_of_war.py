"""Tug of war: one number for how near a model's accuracies are to a retrained model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def tug_of_war(accuracies: Mapping[str, float], reference: Mapping[str, float]) -> float:
    """Product over groups of 1 - |accuracy - accuracy of the reference| (Zhao et al. 2024, arXiv 2406.01257, ToW).

    Args:
        accuracies: group (forget, retain, unseen) to accuracy, 0..1.
        reference: the same of a retrained model.

    Returns:
        0..1; 1 is like retraining.
    """
    return float(np.prod([1 - abs(value - reference[group]) for group, value in accuracies.items()]))


def tug_of_war_interval(
    correct: Mapping[str, np.ndarray], references: Sequence[Mapping[str, np.ndarray]], draws: int, seed: int
) -> tuple[float, float, float]:
    """Tug of war against the mean accuracies of references, with a bootstrap interval.

    Each draw takes samples of each group with replacement, the same for all models, and references with replacement.
    So it holds the uncertainty of both; of few references it sees too little.

    Args:
        correct: group to (n,) bool, whether the model's prediction of each sample is its label.
        references: the same of each retrained model on the same samples.
        draws: number of redraws.
        seed: of the redraws.

    Returns:
        Value, and the ends of the 95 % percentile interval.
    """
    rng = np.random.default_rng(seed)
    value = tug_of_war(
        {group: float(r.mean()) for group, r in correct.items()},
        {group: float(np.mean([ref[group].mean() for ref in references])) for group in correct},
    )
    chosen = rng.multinomial(len(references), np.full(len(references), 1 / len(references)), size=draws)
    found = np.ones(draws)
    for group, own in correct.items():
        # How often a redraw takes each kind of sample says all: samples that no model tells apart are one kind.
        table = np.stack([own, *(ref[group] for ref in references)], axis=1).astype(np.int64)
        kinds, counts = np.unique(table, axis=0, return_counts=True)
        drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=draws) / counts.sum()
        accuracy = drawn @ kinds
        of_reference = (accuracy[:, 1:] * chosen).sum(1) / len(references)
        found *= 1 - np.abs(accuracy[:, 0] - of_reference)
    low, high = np.quantile(found, (0.025, 0.975))
    return value, float(low), float(high)
