"""The values of trials: in their ranges, the same every time, as many for every method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from cu_core.analysis.tuning.trial_sampling import draw_trials
from cu_core.base.parameters import parse
from cu_core.catalogue.method_record import Method, method, methods_here
from cu_core.catalogue.search_space import axes_of

RECORDS = methods_here()


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("seed", [0, 10])
def test_trials_lie_in_their_ranges_and_begin_with_the_start(record: Method, seed: int) -> None:
    start = vars(record.params())
    trials = draw_trials(record, start, 12, seed)
    assert trials[0] == start
    axes = {axis.name: axis for axis in axes_of(record)}
    for trial in trials[1:]:
        assert vars(parse(record.params, trial)) == trial, "a run takes these values as they are"
        for name, value in trial.items():
            if name not in axes:
                assert value == start[name]
            elif axes[name].choices:
                assert value in axes[name].choices
            else:
                assert axes[name].low <= value <= axes[name].high
    assert len({repr(trial) for trial in trials}) == len(trials)
    # Every method gets the same budget, unless its ranges hold less.
    holds_less = not axes or all(a.choices or (a.whole and a.high - a.low < 20) for a in axes.values())
    assert len(trials) == 12 or holds_less


def test_the_same_seed_draws_the_same_and_a_larger_budget_begins_alike() -> None:
    record = method("contrastive")
    start = vars(record.params())
    ten = draw_trials(record, start, 10, 10)
    assert ten == draw_trials(record, start, 10, 10)
    assert ten == draw_trials(record, start, 25, 10)[:10]
    assert ten[1:] != draw_trials(record, start, 10, 11)[1:]
    other = method("contrastive_queue")
    assert [t["lr"] for t in draw_trials(other, vars(other.params()), 10, 10)[1:]] != [t["lr"] for t in ten[1:]]


def test_step_sizes_are_spread_evenly_over_factors() -> None:
    record = method("finetune")
    drawn = np.array([t["lr"] for t in draw_trials(record, vars(record.params()), 400, 3)[1:]])
    (axis,) = (axis for axis in axes_of(record) if axis.name == "lr")
    place = np.log(drawn / axis.low) / np.log(axis.high / axis.low)
    assert kstest(place, "uniform").pvalue > 0.01
