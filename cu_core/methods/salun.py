"""SalUn (Fan et al., ICLR 2024): random labels under a mask of the weights that matter for the forget samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.random_label import RandomLabelParams, rounds, sgd
from cu_core.methods.steps import Steps, once

_SALUN = "released code of SalUn (Fan et al., ICLR 2024)"


@dataclass(frozen=True)
class SalunParams(RandomLabelParams):
    """Hyper-parameters of SalUn: those of random labels and the share of weights that may change."""

    lr: float = fields.lr(0.013, f"0.013 ({_SALUN}, 10 % of the samples)")
    saliency: float = param(
        0.5,
        "Salient share",
        "Share of the weights that may change: those with the largest gradient on the forget samples.",
        low=0.001,
        high=1.0,
        search=(0.1, 1.0),
        special="1 = all, which is random labels",
        paper=f"0.5 ({_SALUN})",
    )
    mask: str = fields.released(
        "Gradient of the mask",
        "that of the loss summed over all forget samples",
        "the sum of the batches' mean gradients, so that the samples of a smaller last batch weigh more",
        f"summed (Eq. 4); batch means, in random order ({_SALUN})",
    )


METHOD = Method(
    id="salun",
    title="SalUn",
    summary="Trains on random wrong labels, but changes only the weights that matter most for the forget samples.",
    paper="Fan et al., SalUn, ICLR 2024 (arXiv 2310.12508), Eq. 4 and 5",
    params=SalunParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    needs="Labels, and retain samples beside the forget samples (settable). The other weights are put back after every "
    "step, momentum and weight decay included; some versions of the released code mask the gradients alone, and there "
    "weight decay goes on moving them.",
    fails="As random labels do; the share of weights is a guess, and gradients of samples known by heart are tiny.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: SalunParams) -> Iterator[dict[str, float]]:
    """Random labels (see `cu_core.methods.random_label`), with all but the salient weights frozen.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and of ``gradient_norm``, that of all weights before the mask.
    """
    optimizer = sgd(context, params)
    steps = Steps(context, optimizer)
    mask = once(
        context,
        "mask",
        lambda: salient(forget_gradients(context, params.batch_size, params.mask), params.saliency),
    )
    freeze(context.model, optimizer, mask)
    yield from rounds(context, params, steps)


def forget_gradients(context: Context, batch_size: int, variant: str = "paper") -> dict[str, torch.Tensor]:
    """Gradient of the cross-entropy on all forget samples, by parameter name; one pass in evaluation mode.

    Args:
        context: whose model is read.
        batch_size: samples per batch.
        variant: ``"paper"`` for the gradient of the sum over all samples, whatever the batches; ``"released"`` for
            the sum of the batches' mean gradients, in random order.
    """
    released = variant == "released"
    model = context.model.eval()
    named = dict(model.named_parameters())
    total = {name: torch.zeros_like(value) for name, value in named.items()}
    for x, y, _ in context.forget.epoch(batch_size, shuffle=released):
        context.check()
        # In full precision: half of it would lose the small gradients, whose order decides.
        loss = context.loss(model(x), y) * (1 if released else len(y))
        gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
        for name, gradient in zip(named, gradients, strict=True):
            if gradient is not None:
                total[name] += gradient
    return total


def salient(gradients: Mapping[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """Marks the entries of largest absolute value over all tensors together (Eq. 4, with a share as threshold).

    Args:
        gradients: by name.
        share: above 0, at most 1.

    Returns:
        By name, bool tensors of the same shapes; `share` of all entries are true, rounded, at least one.
    """
    sizes = torch.cat([g.abs().flatten() for g in gradients.values()])
    chosen = torch.zeros_like(sizes, dtype=torch.bool)
    chosen[sizes.topk(max(1, round(share * len(sizes)))).indices] = True
    parts = chosen.split([g.numel() for g in gradients.values()])
    return {name: part.view(g.shape) for (name, g), part in zip(gradients.items(), parts, strict=True)}


def freeze(model: torch.nn.Module, optimizer: torch.optim.Optimizer, mask: Mapping[str, torch.Tensor]) -> None:
    """Lets every step of an optimizer leave the unmarked weights exactly as they are now (Eq. 5).

    Masking gradients is not enough: weight decay would still move the weights. So they are put back.

    Args:
        model: whose parameters are meant.
        optimizer: over them.
        mask: by parameter name, true where a weight may change.
    """
    weights = [(value, mask[name], value.detach().clone()) for name, value in model.named_parameters()]

    def mask_gradients(*_: Any) -> None:
        for value, free, _start in weights:
            if value.grad is not None:
                value.grad.mul_(free)

    @torch.no_grad()
    def put_back(*_: Any) -> None:
        for value, free, start in weights:
            value.copy_(torch.where(free, value, start))
            for state in optimizer.state[value].values():
                if isinstance(state, torch.Tensor) and state.shape == free.shape:
                    state.mul_(free)

    optimizer.register_step_pre_hook(mask_gradients)
    optimizer.register_step_post_hook(put_back)
