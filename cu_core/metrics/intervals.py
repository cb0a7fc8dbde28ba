"""Bootstrap intervals over samples."""

from __future__ import annotations

import numpy as np

LEVEL = 0.95


def redraws(groups: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """How often each sample occurs in each redraw; every group is redrawn on its own, with replacement.

    Args:
        groups: (n,) integers or bool; the size of each group stays what it is.
        draws: number of redraws.
        seed: of the redraws.

    Returns:
        (1 + draws, n) int32; row 0 holds ones, the samples as they are, the others sum to the groups' sizes.
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, len(groups)), np.int32)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=draws)
    return np.concatenate([np.ones((1, len(groups)), np.int32), counts])


def interval(values: np.ndarray) -> list[float | None]:
    """A number with its 95 % percentile interval.

    Args:
        values: (1 + draws,) the number itself, then that of each redraw; what is not a number is left out.

    Returns:
        Value, lower and upper end; the value is None where it is not a number, the ends where no redraw's is.
    """
    point, drawn = float(values[0]), values[1:][np.isfinite(values[1:])]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (np.nan, np.nan)
    return [float(v) if np.isfinite(v) else None for v in (point, low, high)]
