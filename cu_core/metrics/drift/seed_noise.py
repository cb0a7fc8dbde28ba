"""Displacement between models that differ only in their seed: the noise level of drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cu_core.metrics.drift.drift_measure import MEASURES, QUANTILES
from cu_core.metrics.drift.per_round import FixedSamples, Start, group_report


def seed_difference(first: np.ndarray, aligned: np.ndarray, samples: FixedSamples) -> dict[str, dict[str, Any]]:
    """The measures of motion between two retrained models, as if one were a later round of the other.

    Args:
        first: (n, d) embeddings under one model.
        aligned: (n, d) those under the other one, rotated onto the first; two trainings have no common axes.
        samples: the recorded ones.

    Returns:
        As `group_report`.
    """
    start = Start(first, samples)
    return group_report(samples, start.motion(aligned), start.cka(aligned))


@dataclass(frozen=True)
class NoiseBand:
    """How far retrained models differ among themselves.

    Attributes:
        levels: group to measure to the mean over pairs of each of `QUANTILES`; of measures without a value per sample
            (share of changed neighbours, CKA) to [lowest, mean, highest] over pairs.
        pairs: number of pairs of references.
        residual: mean share of the retain samples' spread that the rotation between two of them leaves unexplained.
    """

    levels: Mapping[str, Mapping[str, tuple[float, ...]]]
    pairs: int
    residual: float

    def middle(self, group: str, measure: str) -> tuple[float, float, float] | None:
        """Quartiles low, median, high (or lowest, mean, highest) of a group; None where nothing is known."""
        found = self.levels.get(group, {}).get(measure)
        if found is None:
            return None
        if not MEASURES[measure].spread:
            return found[0], found[1], found[2]
        low, median, high = (found[QUANTILES.index(q)] for q in (0.25, 0.5, 0.75))
        return low, median, high

    def words(self) -> str:
        """What the band means and how far it can be trusted."""
        pairs = "one pair" if self.pairs == 1 else f"{self.pairs} pairs"
        return (
            f"The grey band is how much two models differ that only differ by their seed ({pairs} of references, "
            f"turned onto each other; {self.residual:.0%} of the retained spread is left that no turn explains). "
            "Motion inside it is no more than another training would give."
        )


NO_BAND = (
    "How far two models differ that only differ by their seed is not known here: that takes two references or more "
    "with recorded differences."
)
"""What to say where `noise_band` gives None."""


def noise_band(manifests: Sequence[Mapping[str, Any]]) -> NoiseBand | None:
    """The band of a run from the manifests of its references.

    Args:
        manifests: of the references; each lists its differences to those before it under ``noise``.

    Returns:
        None where fewer than two references were compared; `NO_BAND` says it in words.
    """
    pairs = [pair for manifest in manifests for pair in manifest.get("noise") or []]
    if not pairs:
        return None
    levels: dict[str, dict[str, tuple[float, ...]]] = {}
    groups = dict.fromkeys(group for pair in pairs for group in pair["groups"])
    for group in groups:
        levels[group] = {}
        reports = [pair["groups"].get(group) or {} for pair in pairs]
        for name, measure in MEASURES.items():
            if not measure.motion:
                continue
            if measure.spread:
                known = [r["quantiles"][name] for r in reports if r.get("quantiles", {}).get(name)]
                if known:
                    levels[group][name] = tuple(np.mean(known, axis=0).tolist())
            else:
                values = [r[name] for r in reports if r.get(name) is not None]
                if values:
                    levels[group][name] = (min(values), float(np.mean(values)), max(values))
    return NoiseBand(levels, len(pairs), float(np.mean([pair["residual"] for pair in pairs])))
