"""Selective synaptic dampening (Foster et al., AAAI 2024)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.importance import mean_squared_gradients
from cu_core.methods.mixed import mixed_epoch

_PAPER = "Foster et al., Selective Synaptic Dampening, AAAI 2024"


@dataclass(frozen=True)
class SsdParams:
    """Hyper-parameters of selective synaptic dampening."""

    alpha: float = param(
        10.0,
        "Selection α",
        "A weight is dampened if it matters this many times more for the forget samples than for all training samples.",
        low=0.01,
        high=10_000.0,
        search=(1.0, 1000.0),
        log=True,
        paper="10 for ResNet-18; half of it for transformers and classes (released code)",
    )
    dampening: float = param(
        1.0,
        "Dampening λ",
        "Smaller dampens the chosen weights more.",
        low=0.0,
        high=100.0,
        search=(0.1, 10.0),
        paper="1 (released code); 0.1 (ERASURE)",
    )
    gradient_of: str = param(
        "batch",
        "Gradients of",
        "batch: squares of the mean gradient of a batch, as the released code has it and as the usual α is made for; "
        "sample: squares of each sample's gradient, as the formula has it. There α must be below the number of all "
        "samples by that of the forget samples, or nothing can be chosen.",
        choices=("batch", "sample"),
        search=(),  # another way to read the paper, not a value
        paper="batch (released code), sample (formula)",
    )
    batch_size: int = fields.batch_size(64, "Samples", "64 (released code)")


METHOD = Method(
    id="ssd",
    title="SSD",
    summary="Shrinks, in one go and without training, the weights that matter far more for the forget samples.",
    paper=f"{_PAPER} (arXiv 2308.07707), Eq. 3 to 6",
    params=SsdParams,
    implementation=lambda: unlearn,
    one_shot=True,
    needs="Labels and one pass over all training samples, forget samples included; no training.",
    fails="α decides everything and nothing repairs: too small an α ruins other classes, too large a one does nothing. "
    "Single samples known by heart have hardly any gradient: what stands out for them is mostly noise.",
    rounds={"class": 1, "sample": 1},
)
METHODS.add(METHOD)


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


def dampening(
    of_forget: torch.Tensor, of_all: torch.Tensor, alpha: float, strength: float
) -> tuple[torch.Tensor, torch.Tensor]:
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
