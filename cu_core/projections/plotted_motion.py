"""Agreement of plotted with true displacement over the rounds.

A picture may have perfect neighbourhoods in every round and still show movement that never happened, or hide what did.
Spatial quality and stability over time are therefore measured apart, as Vernier et al. ("Quantitative Evaluation of
Time-Dependent Multidimensional Projection Techniques", Computer Graphics Forum 39, EuroVis 2020) do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

STILL_QUARTER = 0.25


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's rank correlation, ties sharing their mean rank; None where one side is constant or too short.

    Numbers closer than a ten-millionth of the largest are ties: rounding should not decide which of two equal steps is
    the longer one.
    """
    a, b = _in_steps(a), _in_steps(b)
    if len(a) < 3 or (a == a[0]).all() or (b == b[0]).all():
        return None
    first, second = rankdata(a), rankdata(b)
    first -= first.mean()
    second -= second.mean()
    return float(np.clip(first @ second / np.sqrt((first @ first) * (second @ second)), -1, 1))


def _in_steps(values: np.ndarray) -> np.ndarray:
    largest = float(np.abs(values).max()) if len(values) else 0.0
    return np.rint(values * (1e7 / largest)) if largest else np.asarray(values)


@dataclass(frozen=True)
class Motion:
    """How far each sample goes, in the full space and in the picture.

    Attributes:
        true_shift: (t - 1, n) distance from round 0 in the full space, in its own unit.
        plotted_shift: (t - 1, n) the same in the picture.
        true_step: (t - 1, n) distance between successive rounds in the full space.
        plotted_step: (t - 1, n) the same in the picture.
        equal: (t - 1, n) bool, the embedding is exactly that of the round before.
        radius: root mean square distance of all plotted points from their mean.
    """

    true_shift: np.ndarray
    plotted_shift: np.ndarray
    true_step: np.ndarray
    plotted_step: np.ndarray
    equal: np.ndarray
    radius: float

    @classmethod
    def of(cls, rounds: Sequence[np.ndarray], coordinates: Sequence[np.ndarray]) -> Motion:
        """Measures t rounds of (n, d) embeddings and their (n, k) coordinates."""
        places = [np.asarray(flat, np.float64) for flat in coordinates]
        centre = np.mean([flat.mean(0) for flat in places], axis=0)
        spread = np.mean([((flat - centre) ** 2).sum(1).mean() for flat in places])
        n = len(places[0])
        pairs = list(zip(rounds[:-1], rounds[1:], strict=True))
        return cls(
            _stack([_distance(rows, rounds[0]) for rows in rounds[1:]], n),
            _stack([_distance(flat, places[0]) for flat in places[1:]], n),
            _stack([_distance(rows, before) for before, rows in pairs], n),
            _stack([_distance(flat, before) for before, flat in zip(places[:-1], places[1:], strict=True)], n),
            _stack([(rows == before).all(1) for before, rows in pairs], n).astype(bool),
            float(np.sqrt(spread)),
        )

    def displacement_rank_correlation(self, samples: np.ndarray | None = None) -> float | None:
        """Spearman of true and plotted distance from round 0, over samples and later rounds.

        Args:
            samples: (n,) mask; all samples without it.
        """
        chosen = slice(None) if samples is None else samples
        return rank_correlation(self.true_shift[:, chosen].ravel(), self.plotted_shift[:, chosen].ravel())

    def unmoved_motion(self) -> float | None:
        """Mean plotted step of samples whose embedding did not change at all, in radii; None without such samples."""
        return self._in_radii(float(self.plotted_step[self.equal].mean())) if self.equal.any() else None

    def still_jitter(self) -> float | None:
        """Mean plotted step of the quarter of the samples with the shortest true path, in radii; None in one round."""
        if not len(self.true_step):
            return None
        path = self.true_step.sum(0)
        still = path <= np.quantile(path, STILL_QUARTER)
        return self._in_radii(float(self.plotted_step[:, still].mean()))

    def snap_excess(self, samples: np.ndarray | None = None) -> float | None:
        """How much more of its path a sample makes in its largest single step in the picture than in truth.

        Both shares lie between 1 / steps (uniform walk) and 1 (one jump); returned is the mean of their difference. A
        picture with a high value fakes sudden events. Samples that move in only one of the spaces are left out.

        Args:
            samples: (n,) mask of the samples to follow, e.g. the forget set; without it the quarter with the longest
                true path.

        Returns:
            Between -1 and 1; None with fewer than three rounds or without such samples.
        """
        if len(self.true_step) < 2:
            return None
        path, drawn = self.true_step.sum(0), self.plotted_step.sum(0)
        chosen = path >= np.quantile(path, 1 - STILL_QUARTER) if samples is None else samples
        chosen = chosen & (path > 0) & (drawn > 0)
        if not chosen.any():
            return None
        plotted_share = self.plotted_step.max(0)[chosen] / drawn[chosen]
        true_share = self.true_step.max(0)[chosen] / path[chosen]
        return float((plotted_share - true_share).mean())

    def _in_radii(self, step: float) -> float:
        return step / self.radius if self.radius else 0.0


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    apart = np.asarray(a, np.float64) - b
    return np.sqrt(np.einsum("nd,nd->n", apart, apart))


def _stack(rows: Sequence[np.ndarray], n: int) -> np.ndarray:
    return np.stack(rows) if rows else np.empty((0, n))
