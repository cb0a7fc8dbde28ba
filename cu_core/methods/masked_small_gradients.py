"""Masked Small Gradients: convolution weights that tell forget from retain samples least are drawn anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.convolutions import trained_convolutions, why_no_convolution
from cu_core.methods.finetune import FinetuneParams
from cu_core.methods.repair import repair, up_and_down
from cu_core.methods.steps import once

if TYPE_CHECKING:
    from cu_core.data.batches import Split

_CODE = "Deep Unlearn's code"


@dataclass(frozen=True)
class MaskedSmallGradientsParams(FinetuneParams):
    """Hyper-parameters of Masked Small Gradients: what is drawn anew, and those of fine-tuning."""

    lr: float = fields.lr(1e-3, f"1e-3, up and down ({_CODE})")
    momentum: float = fields.momentum(f"0.9 ({_CODE})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_CODE})")
    batch_size: int = fields.batch_size(64, "Retain samples", f"64 ({_CODE})")
    batch_norm: str = fields.batch_norm("train", f"train ({_CODE})")
    share: float = param(
        0.3,
        "Share drawn anew",
        "Share of each convolution's weights that are drawn anew: those with the smallest gradient.",
        low=0.001,
        high=1.0,
        paper=f"0.3 ({_CODE})",
    )
    slow: float = param(
        0.1,
        "Factor of the others",
        "The gradient of the convolutions' other weights is multiplied by this; 0 leaves it to weight decay.",
        low=0.0,
        high=1.0,
        special="1 = as fast",
        paper=f"0.1 ({_CODE})",
        advanced=True,
    )


METHOD = Method(
    id="masked_small_gradients",
    title="Masked Small Gradients",
    summary="Draws anew the convolution weights with the smallest gradient of retain minus forget loss; fine-tunes.",
    paper="second place of the NeurIPS 2023 unlearning challenge, as in the code of Cadet et al., Deep Unlearn "
    "(arXiv 2410.01276); biases, which that code draws anew by the way, stay",
    params=MaskedSmallGradientsParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    why_not_network=why_no_convolution,
    needs="Labels, a network with convolutions, and all retain samples: a round is one pass over them, not over the "
    "forget samples.",
    fails="The weights with the largest gradient, which tell forget from retain samples best, are those that stay. The "
    "layers behind the convolutions keep what they know. The model is of no use until it is repaired.",
    rounds={"class": 5, "sample": 5},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: MaskedSmallGradientsParams) -> Iterator[dict[str, float]]:
    """Draws weights anew once, and then fine-tunes with the convolutions' other weights slowed down.

    The learning rate rises to the middle round and falls again (see `cu_core.methods.repair`).

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``, that of all weights before they are slowed down, and
        ``lr``.
    """
    layers = trained_convolutions(context.model)
    chosen = once(
        context,
        "mask",
        lambda: {name: smallest(g, params.share) for name, g in difference(context, params.batch_size).items()},
    )
    if context.first_round == 1:
        for name, layer in layers.items():
            draw_anew(layer.weight, chosen[name], context.generator)
    factors = {name: torch.where(mask, 1.0, params.slow) for name, mask in chosen.items()}
    slowed = [(layer.weight, factors[name]) for name, layer in layers.items()]
    yield from repair(context, params, up_and_down, partial(_slow_down, slowed))


def difference(context: Context, batch_size: int) -> dict[str, torch.Tensor]:
    """Gradient of the mean cross-entropy on as many retain samples, less that on the forget samples.

    In evaluation mode and in full precision: half of it would lose the small gradients, whose order decides.

    Args:
        context: model, data and randomness, which draws the retain samples: all of them where there are no more.
        batch_size: samples per pass.

    Returns:
        By name of the convolution, shaped as its weights.
    """
    order = torch.randperm(len(context.retain), generator=context.generator)[: len(context.forget)]
    of_retain = _gradient(context, context.retain, context.retain.indices[order], batch_size)
    of_forget = _gradient(context, context.forget, context.forget.indices, batch_size)
    return {name: of_retain[name] - of_forget[name] for name in of_retain}


def smallest(gradient: torch.Tensor, share: float) -> torch.Tensor:
    """Marks a share of a tensor's entries, rounded: those of smallest absolute value."""
    chosen = torch.zeros(gradient.numel(), dtype=torch.bool, device=gradient.device)
    count = round(share * gradient.numel())
    # Flattened in the order of the tensor's dimensions, whatever its order in memory.
    chosen[gradient.abs().reshape(-1).topk(count, largest=False).indices] = True
    return chosen.view(gradient.shape)


def draw_anew(weight: torch.Tensor, chosen: torch.Tensor, generator: torch.Generator) -> None:
    """Replaces marked weights by normal ones of variance 2 / (outputs · kernel size): He's initialisation, fan-out.

    Args:
        weight: (outputs, inputs, height, width), changed in place.
        chosen: the same shape, true where a weight is replaced.
        generator: on the CPU; draws as many numbers as there are weights.
    """
    fan_out = weight.shape[0] * weight.shape[2] * weight.shape[3]
    drawn = torch.randn(weight.shape, generator=generator) * (2 / fan_out) ** 0.5
    with torch.no_grad():
        weight.copy_(torch.where(chosen, drawn.to(weight.device, weight.dtype), weight))


def _gradient(context: Context, split: Split, indices: torch.Tensor, batch_size: int) -> dict[str, torch.Tensor]:
    """Gradient of the mean cross-entropy over some samples of a split, by name of the convolution."""
    model = context.model.eval()
    weights = {name: layer.weight for name, layer in trained_convolutions(model).items()}
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for part in indices.split(batch_size):
        context.check()
        x, y, _ = split.take(part)
        loss = context.loss(model(x), y) * (len(y) / len(indices))
        gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        for name, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                total[name] += gradient
    return total


def _slow_down(slowed: list[tuple[torch.Tensor, torch.Tensor]], optimizer: torch.optim.Optimizer) -> None:
    """Lets every step of an optimizer multiply gradients by their factors first."""

    def multiply(*_: Any) -> None:
        for weight, factor in slowed:
            if weight.grad is not None:
                weight.grad.mul_(factor)

    optimizer.register_step_pre_hook(multiply)
