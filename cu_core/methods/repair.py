"""Fine-tuning on retain samples, with a schedule, after the weights themselves were changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from cu_core.base.heavy import torch
from cu_core.methods.context import Context
from cu_core.methods.finetune import FinetuneParams
from cu_core.methods.steps import Steps, learning

Schedule = Callable[[int, int], float]
"""From a round's number, counted from 1, and the number of all rounds to a factor of the learning rate."""


def repair(
    context: Context,
    params: FinetuneParams,
    schedule: Schedule,
    prepare: Callable[[torch.optim.Optimizer], None] = lambda optimizer: None,
) -> Iterator[dict[str, float]]:
    """Steps of SGD down the loss of the original training on retain samples; a round is one pass over them.

    Args:
        context: model, data and randomness.
        params: hyper-parameters of fine-tuning.
        schedule: the learning rate's factor by round, the same in all of its steps.
        prepare: called with the optimizer before the first step.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``, and ``lr``, the learning rate.
    """
    model = context.model
    optimizer = torch.optim.SGD(
        model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    steps = Steps(context, optimizer)
    prepare(optimizer)
    for number in context.rounds():
        rate = params.lr * schedule(number, context.max_rounds)
        for group in optimizer.param_groups:
            group["lr"] = rate
        for x, y, _ in context.retain.epoch(params.batch_size):
            with learning(model, params.batch_norm, len(x)):
                loss = steps.loss(x, y)
            steps.take(loss)
        yield steps.means() | {"lr": rate}


def constant(number: int, rounds: int) -> float:
    """The same learning rate in all rounds."""
    return 1.0


def cosine(number: int, rounds: int) -> float:
    """Half a cosine, from 1 in the first round towards 0 after the last."""
    return (1 + math.cos(math.pi * (number - 1) / rounds)) / 2


def up_and_down(number: int, rounds: int) -> float:
    """Linear up to 1 in the middle round, and down again towards 0 after the last."""
    top = (rounds + 1) // 2
    return number / top if number <= top else (rounds + 1 - number) / (rounds + 1 - top)
