"""Fine-tuning on the retain samples, plain and with a shrinking ℓ1 penalty (Jia et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps, learning

_SPARSE = "Jia et al., Model Sparsity Can Simplify Machine Unlearning, NeurIPS 2023"
_PAPER = f"released code of {_SPARSE}"


@dataclass(frozen=True)
class FinetuneParams:
    """Hyper-parameters of fine-tuning."""

    lr: float = fields.lr(0.01, f"0.01 ({_PAPER}); encoders 0.06 (Alignment Calibration)")
    momentum: float = fields.momentum(f"0.9 ({_PAPER})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_PAPER})")
    batch_size: int = fields.batch_size(256, "Retain samples", f"256 ({_PAPER}; comparison in Lee et al.)")
    batch_norm: str = fields.batch_norm("train", f"train ({_PAPER})")


@dataclass(frozen=True)
class L1FinetuneParams(FinetuneParams):
    """Hyper-parameters of fine-tuning, and the weight of sparsity."""

    alpha: float = param(
        5e-4,
        "Sparsity α",
        "Weight of the sum of all absolute weights in the first round; falls linearly, towards 0 after the last "
        "planned round.",
        low=0.0,
        high=1.0,
        search=(1e-6, 1e-2),
        paper="1e-5 to 5e-4 over the benchmarks (3e-4 in RULI)",
    )


_NEEDS = "All retain samples: here a round is one pass over them, not over the forget samples. No forget samples."
_ROUNDS = {"class": 10, "sample": 10}

FINETUNE = Method(
    id="finetune",
    title="Finetune",
    summary="Goes on training on the retain samples alone and relies on the network forgetting the others by itself.",
    paper=f"a baseline of most papers; settings of {_SPARSE} (arXiv 2304.04934)",
    params=FinetuneParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    objectives=fields.BOTH,
    needs_forget=False,
    needs=_NEEDS,
    fails="Nothing pushes the forget samples out: at small learning rates they stay, above all single samples.",
    rounds=_ROUNDS,
)
L1_FINETUNE = Method(
    id="l1_finetune",
    title="ℓ1-sparse finetune",
    summary="Fine-tunes on the retain samples while the absolute weights shrink, so that less can be remembered.",
    paper=f"{_SPARSE} (arXiv 2304.04934), Eq. 3",
    params=L1FinetuneParams,
    implementation=lambda: unlearn_sparse,
    divided=by_all_processes,
    objectives=fields.BOTH,
    needs_forget=False,
    needs=_NEEDS,
    fails="Too large an α costs accuracy on all samples alike, too small a one is plain fine-tuning.",
    rounds=_ROUNDS,
)
METHODS.add(FINETUNE, L1_FINETUNE)


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


def absolute_sum(model: torch.nn.Module) -> torch.Tensor:
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
                loss = steps.loss(x, y)
            if alpha:
                size = absolute_sum(model)
                steps.take(loss + weight * size, retain_loss=loss, l1=size)
            else:
                steps.take(loss)
        yield steps.means()
