"""NegMerge (Kim et al., ICML 2025): goes back what several fine-tunings on the forget samples agree on."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps, learning
from cu_core.methods.teacher import frozen_copy

_PAPER = "the paper takes the fine-tunings of a search, 10 to 30"


@dataclass(frozen=True)
class NegMergeParams:
    """Hyper-parameters of NegMerge."""

    models: int = param(
        3,
        "Fine-tunings",
        "Copies of the model that are fine-tuned on the forget samples, each with another learning rate.",
        low=1,
        high=50,
        unit="models",
        special="1 = plain task-vector negation",
        otherwise=("several", 3),
        paper=_PAPER,
    )
    lowest_lr: float = fields.lr(1e-4, "1e-4, 5e-4 and 1e-3 together")
    highest_lr: float = param(
        1e-3,
        "Highest learning rate",
        "That of the last copy; those between grow by the same factor.",
        low=1e-7,
        high=10.0,
        log=True,
        paper="1e-3",
    )
    scale: float = param(
        1.0,
        "Scale λ",
        "How many times the agreed change is taken back.",
        low=0.0,
        high=1000.0,
        paper="chosen on validation data so that at least 95 % of the retained accuracy stays (released code)",
    )
    momentum: float = fields.momentum("0.9")
    weight_decay: float = fields.weight_decay(5e-4, "not stated for small classifiers")
    batch_size: int = fields.batch_size(128, "Forget samples", "not stated for small classifiers")
    batch_norm: str = fields.batch_norm("train", "not stated; its statistics are the base model's here")


METHOD = Method(
    id="negmerge",
    title="NegMerge",
    summary="Fine-tunes several copies on the forget samples and goes from the base model the other way, where all "
    "copies agree.",
    paper="Kim, Han & Choe, NegMerge: Sign-Consensual Weight Merging for Machine Unlearning, ICML 2025 "
    "(arXiv 2410.05583); merging as in the released code",
    params=NegMergeParams,
    implementation=lambda: unlearn,
    retain_data="none",
    needs="The forget samples alone, and memory for as many copies of the model as are fine-tuned, with their "
    "optimizers. Here a round is one more pass of all copies over the forget samples.",
    fails="Samples that the model knows by heart leave nothing to fine-tune, so the change is small and mostly noise. "
    "λ decides how far to go and nothing holds the other samples.",
    rounds={"class": 5, "sample": 5},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: NegMergeParams) -> Iterator[dict[str, float]]:
    """θ = θ₀ - λ · `merged`(θ₁ - θ₀, …, θₙ - θ₀), where copy i has been fine-tuned on the forget samples.

    The model of a round is merged from the copies as they are after it. Buffers, such as the statistics of batch
    norm, stay those of the base model.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the mean ``loss`` and ``gradient_norm`` of the copies, and the ``agreed_share`` of the weights.
    """
    base = frozen_copy(context, "base")
    copies, all_steps = [], []
    for i, rate in enumerate(rates(params)):
        # Of the base model, since after a resume the context's is a merged one.
        fine = context.keep(f"copy{i}", copy.deepcopy(base).requires_grad_(True))
        optimizer = torch.optim.SGD(
            fine.parameters(), lr=rate, momentum=params.momentum, weight_decay=params.weight_decay
        )
        copies.append(fine)
        all_steps.append(Steps(context, optimizer, name=f"optimizer{i}"))
    for _ in context.rounds():
        for fine, steps in zip(copies, all_steps, strict=True):
            for x, y, _ in context.forget.epoch(params.batch_size):
                with learning(fine, params.batch_norm, len(x)):
                    loss = context.loss(steps.logits(x, fine), y)
                steps.take(loss)
        agreed = _take_back(context, base, copies, params.scale)
        told = [steps.means() for steps in all_steps]
        yield {name: sum(t[name] for t in told) / len(told) for name in told[0]} | {"agreed_share": agreed}


def rates(params: NegMergeParams) -> list[float]:
    """Learning rates of the copies, from the lowest to the highest by equal factors."""
    factor = params.highest_lr / params.lowest_lr
    return [params.lowest_lr * factor ** (i / max(params.models - 1, 1)) for i in range(params.models)]


def merged(changes: Sequence[torch.Tensor]) -> torch.Tensor:
    """The mean of tensors of one shape where all have the same sign, 0 elsewhere."""
    stacked = torch.stack(list(changes))
    return torch.where(stacked.sign().sum(0).abs() == len(stacked), stacked.mean(0), 0.0)


def _take_back(context: Context, base: torch.nn.Module, copies: Sequence[torch.nn.Module], scale: float) -> float:
    """Writes the merged model; the share of its weights on which all copies agree."""
    agreed = total = 0
    with torch.no_grad():
        for value, start, *others in zip(
            context.model.parameters(), base.parameters(), *(fine.parameters() for fine in copies), strict=True
        ):
            change = merged([other - start for other in others])
            value.copy_(start - scale * change)
            agreed += int(change.count_nonzero())
            total += change.numel()
    return agreed / total
