"""Fine-tuning on the retain samples, plain and with a shrinking ℓ1 penalty (Jia et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from cu_core.methods.context import Context
from cu_core.methods.records.finetune import FinetuneParams, L1FinetuneParams
from cu_core.methods.steps import Steps, learning, training_loss


def unlearn(context: Context, params: FinetuneParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down the loss of the original training on retain samples; a round is one pass over them.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``.
    """
    return _rounds(context, params, 0.0)


def unlearn_sparse(context: Context, params: L1FinetuneParams) -> Iterator[dict[str, float]]:
    """Fine-tuning with ``α_t · ‖w‖₁`` added to the loss (Jia et al., NeurIPS 2023, Eq. 3).

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, its part ``retain_loss``, ``l1`` = ‖w‖₁ and ``gradient_norm``.
    """
    return _rounds(context, params, params.alpha)


def sparsity_weight(alpha: float, round_number: int, rounds: int) -> float:
    """α_t: `alpha` in round 1, then less by the same amount each round, so that round `rounds` + 1 would have 0."""
    return alpha * (1 - (round_number - 1) / rounds)


def absolute_sum(model: nn.Module) -> Tensor:
    """‖w‖₁: the sum of the absolute values of all parameters, a scalar with a gradient."""
    return torch.stack([p.abs().sum() for p in model.parameters()]).sum()


def _rounds(context: Context, params: FinetuneParams, alpha: float) -> Iterator[dict[str, float]]:
    model = context.model
    steps = Steps(
        context,
        torch.optim.SGD(model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay),
    )
    for round_number in context.rounds():
        weight = sparsity_weight(alpha, round_number, context.max_rounds)
        for x, y, _ in context.retain.epoch(params.batch_size):
            with learning(model, params.batch_norm, len(x)):
                loss = training_loss(context, x, y)
            if alpha:
                size = absolute_sum(model)
                steps.take(loss + weight * size, retain_loss=loss, l1=size)
            else:
                steps.take(loss)
        yield steps.means()
