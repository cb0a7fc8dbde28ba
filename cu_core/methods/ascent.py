"""Gradient ascent on the forget samples, alone (GA) and against descent on the retain samples (NegGrad+)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from cu_core.data.batches import Split
from cu_core.methods.context import Context
from cu_core.methods.records.ascent import GradientAscentParams, NegGradPlusParams
from cu_core.methods.steps import Steps, learning, training_loss


def unlearn(context: Context, params: GradientAscentParams) -> Iterator[dict[str, float]]:
    """Steps of SGD up the loss of the original training on forget samples; reads nothing else.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, which is minus the ``forget_loss``, and ``gradient_norm`` before clipping.
    """
    steps = _steps(context, params)
    for _ in context.rounds():
        for x, y, _ in context.forget.epoch(params.batch_size):
            with learning(context.model, params.batch_norm, len(x)):
                loss = training_loss(context, x, y)
            steps.take(-loss, forget_loss=loss)
        yield steps.means()


def unlearn_plus(context: Context, params: NegGradPlusParams) -> Iterator[dict[str, float]]:
    """NegGrad+: steps down ``α · retain loss - (1 - α) · forget loss`` (Kurmanji et al., NeurIPS 2023).

    A round is one pass over the retain samples; every batch of them meets the next batch of forget samples, which
    begin anew in another order when they are used up.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, ``retain_loss``, ``forget_loss`` and ``gradient_norm`` before clipping.
    """
    steps = _steps(context, params)
    for _ in context.rounds():
        forget = _endless(context.forget, params.batch_size)
        for x, y, _ in context.retain.epoch(params.batch_size):
            x_forget, y_forget = next(forget)
            with learning(context.model, params.batch_norm, len(x)):
                kept = training_loss(context, x, y)
            with learning(context.model, params.batch_norm, len(x_forget)):
                climbed = training_loss(context, x_forget, y_forget)
            loss = params.alpha * kept - (1 - params.alpha) * climbed
            steps.take(loss, retain_loss=kept, forget_loss=climbed)
        yield steps.means()


def _steps(context: Context, params: GradientAscentParams | NegGradPlusParams) -> Steps:
    optimizer = torch.optim.SGD(
        context.model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    return Steps(context, optimizer, clip=params.clip)


def _endless(split: Split, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        for x, y, _ in split.epoch(batch_size):
            yield x, y
