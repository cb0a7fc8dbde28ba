"""The samples of a verdict: drawn apart from what a run records, so that unlearning the recorded ones alone is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cu_core.catalogue.stopping import STOPPING_RULES
from cu_core.engine.probe import stratified
from cu_core.engine.setup import RunSetup

MOST = 1000
"""Samples of a group."""
SEED = 5_100_911


@dataclass(frozen=True)
class VerdictSamples:
    """Which samples the models of a run are asked about.

    Attributes:
        forget: (n,) int64 indices of training samples that were to be forgotten, whether a rule of accuracies looked at
            them or not: all of them were to go. Without those at which a rule looked that compares with references,
            since it ends where these ask no more of them.
        retain: (m,) int64 indices of other training samples.
        unseen: (k,) int64 indices of test samples that neither the method nor the stopping rule looked at.
    """

    forget: np.ndarray
    retain: np.ndarray
    unseen: np.ndarray


def verdict_samples(setup: RunSetup) -> VerdictSamples:
    """Draws up to `MOST` samples of each group, class by class.

    Args:
        setup: the fixed part of the run.
    """
    train, test = setup.data.train_labels, setup.data.test_labels
    compares = STOPPING_RULES.named(setup.rule).references > 0
    forget = setup.reported_forget if compares else setup.forget.indices
    groups = (forget, setup.retain, setup.reported_unseen)
    found = [
        stratified(items, labels[items], MOST, np.random.default_rng([SEED, setup.spec.probe.seed, place]))
        for place, (items, labels) in enumerate(zip(groups, (train, train, test), strict=True))
    ]
    return VerdictSamples(*found)
