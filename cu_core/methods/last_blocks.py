"""EU-k and CF-k (Goel et al., arXiv 2201.06640): learning in the last k blocks alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from cu_core.catalogue.spec import TrainSpec
from cu_core.data.batches import Split
from cu_core.learning.device import Precision
from cu_core.learning.network import Network
from cu_core.learning.training import Training
from cu_core.methods.context import Context
from cu_core.methods.records.last_blocks import CfKParams, EuKParams
from cu_core.methods.steps import Steps, training_loss
from cu_core.methods.trained_blocks import last_blocks, only, train_mode


class PartTraining(Training):
    """A training in which the named modules learn; the others stay in evaluation mode."""

    def __init__(
        self, model: Network, split: Split, spec: TrainSpec, seed: int, precision: Precision, names: Sequence[str]
    ) -> None:
        super().__init__(model, split, spec, seed, precision)
        self.names = names

    def prepare(self) -> None:
        """Puts the named modules into training mode."""
        train_mode(self.model, self.names)


def retrain(context: Context, params: EuKParams) -> Iterator[dict[str, float]]:
    """EU-k: puts the last k blocks back to their initial weights and trains them with the original recipe.

    Args:
        context: model, data and recipe.
        params: how many blocks.

    Yields:
        Per epoch over the retain samples ``loss`` and, for classifiers, ``accuracy``, both while training.
    """
    names = last_blocks(context.model, params.k)
    if context.first_round == 1:
        initial = context.fresh(context.base_seed)
        for name in names:
            context.model.get_submodule(name).load_state_dict(initial.get_submodule(name).state_dict())
    training = context.keep(
        "training",
        PartTraining(context.model, context.retain, context.recipe, context.seed, context.precision, names),
    )
    for _ in context.rounds():
        with only(context.model, names):
            report = training.run_epoch(context.check)
        told = {"loss": report.loss, "accuracy": report.accuracy}
        yield {name: value for name, value in told.items() if value is not None}


def finetune(context: Context, params: CfKParams) -> Iterator[dict[str, float]]:
    """CF-k: steps of SGD down the loss of the original training on retain samples; a round is one pass over them.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``.
    """
    model = context.model
    names = last_blocks(model, params.k)
    parameters = [p for name in names for p in model.get_submodule(name).parameters()]
    steps = Steps(
        context,
        torch.optim.SGD(parameters, lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay),
    )
    for _ in context.rounds():
        train_mode(model, names)
        with only(model, names):
            for x, y, _ in context.retain.epoch(params.batch_size):
                steps.take(training_loss(context, x, y))
        yield steps.means()
