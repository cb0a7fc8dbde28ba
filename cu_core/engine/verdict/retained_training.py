"""Short training of a finished model on retained samples alone, to see whether what was forgotten comes back."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from cu_core.data.batches import Split
from cu_core.engine.probe import stratified
from cu_core.engine.setup import RunSetup
from cu_core.engine.verdict.verdict_pass import VerdictPass
from cu_core.learning.network import Network
from cu_core.learning.training import EpochReport, train
from cu_core.metrics.questions.verdict_evidence import ModelSeen, TrainedOn

STEPS = 20
"""Steps of an epoch, and with it how many retained samples are trained on."""
EPOCHS = 3
RATE = 0.1
"""Share of the recipe's step size: small steps bring back what is there and learn little that is new."""
SEED = 40_013


def why_untrained(setup: RunSetup) -> str:
    """Why a model cannot be trained on; empty where it can."""
    if setup.spec.train.sharded:
        return "models that were trained in shards are not trained as one"
    if len(setup.retain) < 2:
        return "there are too few retained samples to train on"
    return ""


def trained_on(
    setup: RunSetup, ask: VerdictPass, model: Network, seen: ModelSeen, check: Callable[[], None]
) -> tuple[TrainedOn, ...]:
    """A model before, during and after `EPOCHS` short epochs; the same samples and order for every model of a run.

    Its own recipe (optimizer, batch size, weight decay) at a tenth of the step size, kept constant.

    Args:
        setup: the fixed part of the run.
        ask: passes through the samples of the verdict.
        model: is copied.
        seen: what it said before.
        check: called before each step; may raise to stop.
    """
    spec = setup.spec.train
    labels = setup.data.train_labels[setup.retain]
    rows = stratified(setup.retain, labels, STEPS * spec.batch_size, np.random.default_rng([SEED]))
    trained = copy.deepcopy(model)
    found = [TrainedOn(0, seen.forget.score, seen.forget.right, seen.unseen.score)]
    split = Split(setup.train, rows, torch.Generator())
    steps = split.steps(spec.batch_size)

    def measure(report: EpochReport) -> None:
        if report.epoch in (1, EPOCHS):
            forget, right = ask.scores(trained, 0)
            unseen, _ = ask.scores(trained, 2)
            found.append(TrainedOn(report.epoch * steps, forget, right, unseen))

    with torch.random.fork_rng(devices=[setup.device] if setup.device.type == "cuda" else []):
        train(
            trained,
            split,
            dataclasses.replace(spec, epochs=EPOCHS, lr=spec.lr * RATE, schedule="constant"),
            seed=SEED,
            device=setup.device,
            precision=setup.precision,
            checkpoint=None,
            on_epoch=measure,
            check=check,
        )
    return tuple(found)
