"""Selective synaptic dampening (Foster et al., AAAI 2024)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from cu_core.methods.context import Context
from cu_core.methods.importance import mean_squared_gradients
from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.records.ssd import SsdParams


def unlearn(context: Context, params: SsdParams) -> Iterator[dict[str, float]]:
    """Dampens once the weights that matter more for the forget samples than for all training samples.

    Args:
        context: model and data; buffers, such as the statistics of batch norm, stay as they are.
        params: hyper-parameters.

    Yields:
        Once the ``dampened_share`` of the weights and the mean ``factor`` by which they shrank, 1 where none did.
    """
    if context.first_round > 1:
        return
    # Mixed, since the square of a batch's mean gradient depends on what is in the batch.
    everything = ((x, y) for x, y, _, _ in mixed_epoch(context, params.batch_size, 1.0))
    of_all = mean_squared_gradients(context, everything, params.gradient_of)
    forget = ((x, y) for x, y, _ in context.forget.epoch(params.batch_size))
    of_forget = mean_squared_gradients(context, forget, params.gradient_of)
    dampened = torch.zeros((), device=context.device)
    factors = torch.zeros((), device=context.device)
    with torch.no_grad():
        for name, value in context.model.named_parameters():
            factor, chosen = dampening(of_forget[name], of_all[name], params.alpha, params.dampening)
            value.mul_(factor)
            dampened += chosen.sum()
            factors += factor[chosen].sum()
    total = sum(p.numel() for p in context.model.parameters())
    yield {
        "dampened_share": float(dampened) / total,
        "factor": float(factors / dampened) if dampened > 0 else 1.0,
    }


def dampening(of_forget: Tensor, of_all: Tensor, alpha: float, strength: float) -> tuple[Tensor, Tensor]:
    """By how much each weight is multiplied: min(λ I_D / I_f, 1) where I_f > α I_D, else 1.

    Args:
        of_forget: importances I_f for the forget samples, any shape.
        of_all: importances I_D for all training samples, same shape.
        alpha: α > 0.
        strength: λ.

    Returns:
        The factors, and whether each weight was chosen.
    """
    chosen = of_forget > alpha * of_all
    # Where a weight is chosen its importance is above 0; elsewhere the quotient is not used.
    factor = (strength * of_all / of_forget).clamp(max=1.0)
    return torch.where(chosen, factor, torch.ones_like(factor)), chosen
