"""Random search in the ranges of a method's record; loads scikit-learn, so pages name it for later."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from scipy.stats import loguniform, uniform
from sklearn.model_selection import ParameterSampler

from cu_core.catalogue.method_record import Method
from cu_core.catalogue.search_space import Axis, axes_of
from cu_core.catalogue.spec import digest

DIGITS = 3
"""Significant digits of drawn numbers: finer differences are noise, and a recipe is to be read."""
REPEATS = 10
"""Draws per trial, of which those count that are new."""


def draw_trials(record: Method, start: Mapping[str, Any], trials: int, seed: int) -> list[dict[str, Any]]:
    """The values of all trials of a tuning, decided before the first of them runs.

    Independent draws (Bergstra & Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012): no trial depends
    on what another one found, so that they can run in any order, beside each other and again, and every method gets
    the same number of looks. A larger budget begins with the trials of a smaller one.

    Args:
        record: the method.
        start: the values that it starts from now; they are the first trial.
        trials: how many, with the first.
        seed: of the draws; methods with the same seed are drawn apart from each other.

    Returns:
        Field to value, all fields of the method. Fewer than `trials` where the ranges do not hold so many.
    """
    axes = axes_of(record)
    found = {digest(dict(start)): dict(start)}
    if axes and trials > 1:
        own_seed = int(digest([seed, record.id])[:8], 16)
        with warnings.catch_warnings():
            # Of a few choices alone it says that there are not so many; the budget tells that.
            warnings.simplefilter("ignore", UserWarning)
            # More than are wanted: whole numbers and choices repeat.
            drawn = list(ParameterSampler(_distributions(axes), n_iter=REPEATS * trials, random_state=own_seed))
        for one in drawn:
            values = dict(start) | {axis.name: _value(axis, one[axis.name]) for axis in axes}
            found.setdefault(digest(values), values)
    return list(found.values())[:trials]


def _distributions(axes: tuple[Axis, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for axis in axes:
        if axis.choices:
            found[axis.name] = list(axis.choices)
            continue
        # Whole numbers are rounded, so both ends get a share as wide as that of the others.
        half = 0.5 if axis.whole else 0.0
        low, high = axis.low - half, axis.high + half
        found[axis.name] = loguniform(low, high) if axis.log else uniform(low, high - low)
    return found


def _value(axis: Axis, drawn: Any) -> Any:
    if axis.choices:
        return str(drawn)
    rounded = round(float(drawn)) if axis.whole else float(f"{float(drawn):.{DIGITS}g}")
    inside = min(max(rounded, axis.low), axis.high)
    return int(inside) if axis.whole else inside
