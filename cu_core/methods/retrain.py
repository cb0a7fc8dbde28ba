"""Retraining from scratch on the retain samples: exact unlearning."""

from __future__ import annotations

from collections.abc import Iterator

from cu_core.learning.training import Training
from cu_core.methods.context import Context
from cu_core.methods.records.retrain import RetrainParams


def unlearn(context: Context, params: RetrainParams) -> Iterator[dict[str, float]]:
    """Trains an untrained model on the retain samples, one epoch per round, with the original recipe.

    Args:
        context: model, data and recipe.
        params: which seed.

    Yields:
        Per round ``loss`` over the retain samples and, for classifiers, ``accuracy`` on them, both while training.
    """
    seed = context.seed + params.offset
    if context.first_round == 1:
        context.model.load_state_dict(context.fresh(seed).state_dict())
    training = context.keep(
        "training", Training(context.model, context.retain, context.recipe, seed, context.precision)
    )
    for _ in context.rounds():
        report = training.run_epoch(context.check)
        told = {"loss": report.loss, "accuracy": report.accuracy}
        yield {name: value for name, value in told.items() if value is not None}
