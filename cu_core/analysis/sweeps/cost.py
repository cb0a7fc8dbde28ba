"""Estimated time of many runs, with base models and references that they share trained once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.estimate import Estimate, estimate

MOST_KINDS = 50
"""Beyond so many kinds of runs the latest estimate stands for the rest."""


def shared_estimate(specs: Sequence[RunSpec], home: Home) -> Estimate:
    """Upper estimate of the time and disk space of runs that are done one after the other.

    Training is counted once for all runs with the same images, network, recipe, seeds and forget set.

    Args:
        specs: the runs.
        home: where speeds and prepared datasets are kept.

    Returns:
        Their sum; the time is unknown as soon as that of one run is.

    Raises:
        BadInput: a value that cannot be used.
    """
    known: dict[str, Estimate] = {}
    found = Estimate(0.0, 0, "", 0.0)
    trained: dict[tuple[object, ...], float] = {}
    expected_training: dict[tuple[object, ...], float] = {}
    seconds: float | None = 0.0
    expected = 0.0
    disk = 0
    sources = set()
    for spec in specs:
        # Seeds change nothing about the cost, and a sweep has far fewer kinds of runs than runs.
        kind = dataclasses.replace(spec, seed=0).content_hash()
        if kind in known:
            found = known[kind]
        elif len(known) < MOST_KINDS:
            found = known[kind] = estimate(spec, home)
        disk += found.disk
        if found.seconds is None or found.training is None or seconds is None:
            seconds = None
            continue
        sources.add(found.source)
        seconds += found.seconds - found.training
        drawn = spec.forget_seed if spec.task == "sample" else None
        models = (spec.data, spec.model, spec.train, spec.train_seed, spec.forget.select, drawn, spec.reference)
        trained[models] = max(trained.get(models, 0.0), found.training)
        anew = found.expected_training or 0.0
        expected += (found.expected or found.seconds) - anew
        expected_training[models] = max(expected_training.get(models, 0.0), anew)
    if seconds is None:
        return Estimate(None, disk, "")
    total, likely = seconds + sum(trained.values()), expected + sum(expected_training.values())
    return Estimate(total, disk, " and ".join(sorted(sources)), None, likely)
