"""SFR-on (Huang et al., NeurIPS 2024): weighted ascent on salient weights, held by steps on retain samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.importance import mean_squared_gradients
from cu_core.methods.steps import Steps, learning, once

if TYPE_CHECKING:
    from cu_core.data.batches import Split

_CODE = "released code, 10 % of CIFAR-10"


@dataclass(frozen=True)
class SfrOnParams:
    """Hyper-parameters of SFR-on."""

    lr: float = fields.lr(0.01, f"0.01 ({_CODE}); 2e-5 with AdamW (TinyImageNet)")
    alpha: float = param(
        25.0,
        "Strength α",
        "Weight of the ascent in the first step; falls along half a cosine to 0 at the end.",
        low=0.0,
        high=10_000.0,
        paper=f"25 ({_CODE}); 500 (TinyImageNet)",
    )
    every: int = param(
        5,
        "Steps between ascents",
        "A step of ascent on forget samples comes before every so many steps on retain samples.",
        low=1,
        high=1000,
        unit="steps",
        paper=f"5 ({_CODE}); 1 (TinyImageNet)",
    )
    balance: float = param(
        0.5,
        "Balance λ",
        "Weights forget samples by 1 / lossᵏ with k = λ, so that those that are forgotten already count less; 0 "
        "weights all alike.",
        low=0.0,
        high=10.0,
        paper=f"0.5 ({_CODE}); 0.6 (TinyImageNet)",
    )
    threshold: float = param(
        1.0,
        "Threshold γ",
        "The ascent moves the weights that matter at least this many times as much for forget as for retain samples.",
        low=0.0,
        high=1e6,
        special="0 = all weights",
        otherwise=("above", 1.0),
        paper=f"1 ({_CODE})",
    )
    slow: float = param(
        1.0,
        "Share of the step β",
        "Share that is kept of the way that the weights go from one retain step to the next; less is slower.",
        low=0.01,
        high=1.0,
        special="1 = all of it",
        paper=f"1 ({_CODE})",
        advanced=True,
    )
    clip: float = param(
        7.0,
        "Largest gradient norm",
        "Longer gradients of the ascent are shortened to this.",
        low=0.0,
        high=1000.0,
        special="0 = no clipping",
        otherwise=("at most", 7.0),
        paper=f"7 ({_CODE})",
        advanced=True,
    )
    momentum: float = fields.momentum(f"0.9 ({_CODE})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_CODE})")
    batch_size: int = fields.batch_size(128, "Retain samples, and at most as many forget samples,", f"128 ({_CODE})")
    batch_norm: str = fields.batch_norm("train", "train (released code)")


METHOD = Method(
    id="sfr_on",
    title="SFR-on",
    summary="Climbs a balanced loss on forget samples with the weights that matter most for them, between steps of "
    "fine-tuning.",
    paper="Huang et al., Unified Gradient-Based Machine Unlearning with Remain Geometry Enhancement, NeurIPS 2024 "
    "(arXiv 2409.19732); loss, mask and order of steps as in the released code",
    params=SfrOnParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    needs="Labels, and all retain samples: here a round is one pass over them (the paper's 1500 steps are about four).",
    fails="Momentum and weight decay move all weights, so the mask bounds the ascent's gradient alone. A strong "
    "ascent leaves forget samples with higher losses than unseen ones.",
    rounds={"class": 4, "sample": 4},
)
METHODS.add(METHOD)

# Keeps quotients finite where a loss or an importance is 0; the released code's.
_TINY = 1e-15


def unlearn(context: Context, params: SfrOnParams) -> Iterator[dict[str, float]]:
    """Steps of SGD on retain samples, and every few steps one up the weighted loss of forget samples.

    The step of ascent is masked (`salient`), then clipped. Learning rate and α fall along half a cosine over all
    planned rounds. A round is one pass over the retain samples; forget samples begin anew in another order when they
    are used up.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``forget_loss``, weighted as `balanced` does, of ``retain_loss``, of ``loss`` over all
        steps and of ``gradient_norm``, after the mask and before clipping; and ``salient_share`` of the weights.
    """
    model = context.model
    optimizer = torch.optim.SGD(
        model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    steps = Steps(context, optimizer)
    mask = once(context, "mask", lambda: _mask(context, params))
    share = float(sum(int(m.sum()) for m in mask.values())) / sum(m.numel() for m in mask.values())
    in_round = context.retain.steps(params.batch_size)
    for number in context.rounds():
        forget = _endless(context.forget, params.batch_size)
        for i, (x, y, _) in enumerate(context.retain.epoch(params.batch_size)):
            done = (number - 1) * in_round + i
            falling = (1 + math.cos(math.pi * done / (context.max_rounds * in_round))) / 2
            for group in optimizer.param_groups:
                group["lr"] = params.lr * falling
            start = [value.detach().clone() for value in model.parameters()] if params.slow < 1 else []
            if done % params.every == 0:
                x_forget, y_forget = next(forget)
                with learning(model, params.batch_norm, len(x_forget)):
                    climbed = balanced(steps.logits(x_forget), y_forget, params.balance)
                steps.clip = params.clip
                with _masked(model, mask):
                    steps.take(-params.alpha * falling * climbed, forget_loss=climbed)
                steps.clip = 0.0
            with learning(model, params.batch_norm, len(x)):
                kept = steps.loss(x, y)
            steps.take(kept, retain_loss=kept)
            with torch.no_grad():
                for value, before in zip(model.parameters(), start, strict=False):
                    value.lerp_(before, 1 - params.slow)
        yield steps.means() | {"salient_share": share}


def balanced(logits: torch.Tensor, labels: torch.Tensor, power: float) -> torch.Tensor:
    """Cross-entropy of a batch in which a sample weighs 1 / lossᵏ; the weights sum to 1 and have no gradient.

    Args:
        logits: (b, C).
        labels: (b,).
        power: k; 0 is the plain mean.
    """
    losses = torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")
    weights = 1 / (losses.detach().pow(power) + _TINY)
    return (weights / weights.sum() * losses).sum()


def salient(
    of_forget: Mapping[str, torch.Tensor], of_retain: Mapping[str, torch.Tensor], threshold: float
) -> dict[str, torch.Tensor]:
    """Marks the weights whose importance for forget samples is at least `threshold` times that for retain samples.

    Args:
        of_forget: importances by parameter name, squares of gradients.
        of_retain: the same names and shapes.
        threshold: γ.
    """
    return {name: (value + _TINY) / (of_retain[name] + _TINY) >= threshold for name, value in of_forget.items()}


def _mask(context: Context, params: SfrOnParams) -> dict[str, torch.Tensor]:
    # Squares of the mean gradients of batches, as the released code has them.
    of_forget, of_retain = (
        mean_squared_gradients(context, ((x, y) for x, y, _ in split.epoch(params.batch_size)), "batch")
        for split in (context.forget, context.retain)
    )
    return salient(of_forget, of_retain, params.threshold)


@contextmanager
def _masked(model: torch.nn.Module, mask: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Lets gradients through to the marked weights alone."""
    hooks = [value.register_hook(lambda g, m=mask[name]: g * m) for name, value in model.named_parameters()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _endless(split: Split, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    while True:
        for x, y, _ in split.epoch(batch_size):
            yield x, y
