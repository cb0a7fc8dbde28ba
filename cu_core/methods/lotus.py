"""LoTUS (Spartalis et al., CVPR 2025): the base model's own answers, smoothed on forget samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cu_core.base.errors import DatasetError
from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.steps import Steps, learning
from cu_core.methods.teacher import frozen_copy

if TYPE_CHECKING:
    from cu_core.data.batches import Split
    from cu_core.learning.network import Network

_CODE = "released code"


@dataclass(frozen=True)
class LotusParams:
    """Hyper-parameters of LoTUS."""

    lr: float = fields.lr(1e-4, f"1e-4 ({_CODE})", "AdamW")
    alpha: float = param(
        8.0,
        "Strength α",
        "How steeply the temperature grows with the accuracy that is still to be forgotten.",
        low=0.0,
        high=100.0,
        paper="32 for a class; 8 for samples of CIFAR-10, 2 of CIFAR-100 (paper)",
    )
    margin: float = param(
        0.01,
        "Margin",
        "Ends the method once the accuracy on forget samples is this far below the one aimed at.",
        low=0.0,
        high=1.0,
        paper=f"0.01 ({_CODE})",
        advanced=True,
    )
    batch_size: int = fields.batch_size(128, "Forget and retain samples together", f"128 ({_CODE})")
    retain_share: float = fields.fixed_share(0.3, "0.3 (paper and released code)")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_CODE})")
    batch_norm: str = fields.batch_norm("train", f"train ({_CODE})")


METHOD = Method(
    id="lotus",
    title="LoTUS",
    summary="Learns the base model's own answers again, on forget samples smoothed until they are no better known than "
    "unseen ones.",
    paper="Spartalis et al., LoTUS: Large-Scale Machine Unlearning with a Taste of Uncertainty, CVPR 2025; "
    "temperature, draws and end as in the released code",
    params=LotusParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    retain_data="part",
    needs_unseen=True,
    needs_labels=True,
    needs="A fixed share of the retain samples, unseen samples to measure accuracy on, and memory for a copy of the "
    "model. Labels count for the accuracies alone.",
    fails="Aims at one number, the accuracy on unseen samples of all classes: a forget set that is easier or harder "
    "than these ends too late or too early. Accuracy can meet while losses still tell the samples apart.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)

_ASKED_AT_ONCE = 512


def unlearn(context: Context, params: LotusParams) -> Iterator[dict[str, float]]:
    """Steps of AdamW down the cross-entropy against Gumbel-softmax draws of the base model's answers.

    A forget sample's target is a soft draw at the temperature T = exp(α (acc_f - acc)), a retain sample's a hard
    one. acc_f is the accuracy of the model on forget samples before the round; acc that of the base model on unseen
    samples, and 0 where a class is forgotten. Ends before a round in which acc_f ≤ acc - margin.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``, ``forget_accuracy`` before the round, ``temperature``
        and ``unseen_accuracy`` of the base model.

    Raises:
        DatasetError: there are no unseen samples.
    """
    if context.unseen is None:
        raise DatasetError("data", "there are too few unseen samples to set some apart for this method")
    model = context.model
    teacher = frozen_copy(context)
    steps = Steps(context, torch.optim.AdamW(model.parameters(), lr=params.lr, weight_decay=params.weight_decay))
    unseen = accuracy(context, teacher, context.unseen)
    aim = 0.0 if context.task == "class" else unseen
    for _ in context.rounds():
        left = accuracy(context, model.eval(), context.forget)
        if left - aim <= -params.margin:
            return
        temperature = math.exp(params.alpha * (left - aim))
        for x, _, _, to_forget in mixed_epoch(context, params.batch_size, float(params.retain_share > 0)):
            with torch.no_grad():
                told = steps.logits(x, teacher)
            target = targets(told, gumbel(told.shape, context.generator).to(told), to_forget, temperature)
            with learning(model, params.batch_norm, len(x)):
                log_answer = steps.logits(x).log_softmax(1)
            steps.take(-(target * log_answer).sum(1).mean())
        told_numbers = {"forget_accuracy": left, "temperature": temperature, "unseen_accuracy": unseen}
        yield steps.means() | told_numbers


def targets(logits: torch.Tensor, noise: torch.Tensor, soft: torch.Tensor, temperature: float) -> torch.Tensor:
    """Gumbel-softmax draws (Jang et al., ICLR 2017): softmax((l + g) / T) where `soft`, else its largest as one-hot.

    Args:
        logits: (b, C) of the teacher.
        noise: (b, C) Gumbel noise g.
        soft: (b,) bool.
        temperature: T.

    Returns:
        (b, C) distributions.
    """
    scores = logits + noise
    hard = torch.nn.functional.one_hot(scores.argmax(1), scores.shape[1]).to(scores)
    return torch.where(soft[:, None], (scores / temperature).softmax(1), hard)


def gumbel(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Standard Gumbel noise on the CPU: -log of exponential noise."""
    drawn = torch.empty(shape).exponential_(generator=generator)
    return -drawn.clamp(min=torch.finfo(drawn.dtype).tiny).log()


def accuracy(context: Context, model: Network, split: Split) -> float:
    """Share of labelled samples that a model in evaluation mode gets right."""
    right = torch.zeros((), device=context.device)
    for x, y, _ in split.epoch(_ASKED_AT_ONCE, shuffle=False):
        context.check()
        with torch.no_grad():
            right += (model(x).argmax(1) == y).sum()
    return float(right) / len(split)
