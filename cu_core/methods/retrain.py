"""Retraining from scratch on the retain samples: exact unlearning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cu_core.base.heavy import later
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning import training
else:
    training = later("cu_core.learning.training")


@dataclass(frozen=True)
class RetrainParams:
    """Retraining has the recipe of the original training and nothing else to choose but its seed."""

    offset: int = param(
        1000,
        "Seed offset",
        "Added to the run's seed: the references take the seeds from the run's on, and this is to be another model.",
        low=20,
        high=1_000_000,
        advanced=True,
    )


METHOD = Method(
    id="retrain",
    title="Retrain",
    summary="Trains an untrained model on the retain samples with the original recipe: exact, the standard to meet.",
    paper="the definition of exact unlearning; recipe as in Contrastive Unlearning (Lee et al., IJCAI 2025)",
    params=RetrainParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    objectives=("supervised", "self-supervised", "image-text"),
    needs_forget=False,
    needs_labels=False,
    starts_anew=True,
    needs="All retain samples and the time of a whole training; a round is an epoch.",
    fails="Costs as much as the training did, for every request to forget.",
    rounds={"class": 0, "sample": 0},
)
METHODS.add(METHOD)


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
    again = context.keep(
        "training", training.Training(context.model, context.retain, context.recipe, seed, context.precision)
    )
    for _ in context.rounds():
        report = again.run_epoch(context.check)
        # The training draws from batches of its own.
        context.retain.images_drawn += len(context.retain)
        diagnostics = {"loss": report.loss, "accuracy": report.accuracy}
        yield {name: value for name, value in diagnostics.items() if value is not None}
