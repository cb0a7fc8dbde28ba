"""Gradient ascent on the forget samples, alone (GA) and against descent on the retain samples (NegGrad+)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps, learning

if TYPE_CHECKING:
    from cu_core.data.batches import Split

_SPARSE = "released code of Jia et al., NeurIPS 2023"
_SCRUB = "released code of SCRUB (Kurmanji et al., NeurIPS 2023)"


@dataclass(frozen=True)
class GradientAscentParams:
    """Hyper-parameters of gradient ascent."""

    lr: float = fields.lr(
        1e-4, f"1e-4 ({_SPARSE}), for classes; single samples: a search from 1e-5 to 1e-1", search=(1e-5, 0.1)
    )
    momentum: float = fields.momentum(f"0.9 ({_SPARSE})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_SPARSE})")
    batch_size: int = fields.batch_size(128, "Forget samples", f"128 (comparison in Lee et al.); 256 ({_SPARSE})")
    clip: float = param(
        0.1,
        "Largest gradient norm",
        "Longer gradients are shortened to this; the loss has no upper bound, so its gradient may explode.",
        low=0.0,
        high=1000.0,
        special="0 = no clipping",
        otherwise=("at most", 1.0),
        paper="0.1 (Apollo attack), 100 (Unlearning Comparator), none (Jia et al.)",
    )
    batch_norm: str = fields.batch_norm("eval", f"eval (Apollo attack); train ({_SPARSE})")


@dataclass(frozen=True)
class NegGradPlusParams:
    """Hyper-parameters of NegGrad+."""

    alpha: float = param(
        0.95,
        "Weight α",
        "Weight of the loss on retain samples; that on forget samples is climbed with weight 1 - α.",
        low=0.0,
        high=1.0,
        search=(0.8, 0.999),
        paper=f"0.9999 ({_SCRUB}), 0.95 (DeepUnlearn), 0.9 (RULI)",
    )
    lr: float = fields.lr(0.01, f"0.01 ({_SCRUB}, DeepUnlearn); 5e-4 (RULI)")
    momentum: float = fields.momentum("0.9")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_SCRUB})")
    batch_size: int = fields.batch_size(
        256, "Retain samples, and at most as many forget samples,", "256 (DeepUnlearn); 64 (RULI)"
    )
    clip: float = param(
        0.0,
        "Largest gradient norm",
        "Longer gradients are shortened to this.",
        low=0.0,
        high=1000.0,
        special="0 = no clipping",
        otherwise=("at most", 1.0),
        paper="none",
        advanced=True,
    )
    batch_norm: str = fields.batch_norm("train", f"train, two separate passes ({_SCRUB})")


GRADIENT_ASCENT = Method(
    id="gradient_ascent",
    title="Gradient ascent",
    summary="Climbs the loss of the original training on the forget samples.",
    paper="Graves et al., AAAI 2021, and Thudi et al., EuroS&P 2022; settings of Jia et al., NeurIPS 2023",
    params=GradientAscentParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    objectives=fields.BOTH,
    retain_data="none",
    needs="The forget samples alone; a stopping rule, since the loss has no upper bound.",
    fails="Nothing holds the other samples: a little too far or too fast, and the whole model is gone.",
    rounds={"class": 10, "sample": 10},
)
NEGGRAD_PLUS = Method(
    id="neggrad_plus",
    title="NegGrad+",
    summary="Climbs the loss on the forget samples and descends it on the retain samples in the same step.",
    paper="Kurmanji et al., Towards Unbounded Machine Unlearning, NeurIPS 2023 (arXiv 2302.09880)",
    params=NegGradPlusParams,
    implementation=lambda: unlearn_plus,
    divided=by_all_processes,
    objectives=fields.BOTH,
    needs="All retain samples: here a round is one pass over them, and the forget samples come round and round.",
    fails="Very sensitive to α, and the more so the fewer forget samples there are: they are climbed again and again.",
    rounds={"class": 5, "sample": 5},
)
METHODS.add(GRADIENT_ASCENT, NEGGRAD_PLUS)


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
                loss = steps.loss(x, y)
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
                kept = steps.loss(x, y)
            with learning(context.model, params.batch_norm, len(x_forget)):
                climbed = steps.loss(x_forget, y_forget)
            loss = params.alpha * kept - (1 - params.alpha) * climbed
            steps.take(loss, retain_loss=kept, forget_loss=climbed)
        yield steps.means()


def _steps(context: Context, params: GradientAscentParams | NegGradPlusParams) -> Steps:
    optimizer = torch.optim.SGD(
        context.model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    return Steps(context, optimizer, clip=params.clip)


def _endless(split: Split, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    while True:
        for x, y, _ in split.epoch(batch_size):
            yield x, y
