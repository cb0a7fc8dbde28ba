"""NoT (Khalil et al., CVPR 2025): the sign of a layer's weights turned round, and the damage repaired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.convolutions import trained_convolutions, why_no_convolution
from cu_core.methods.finetune import FinetuneParams
from cu_core.methods.repair import constant, repair

_NOT_READ = "no released code; the paper's value was not found"


@dataclass(frozen=True)
class NotParams(FinetuneParams):
    """Hyper-parameters of NoT: how much is negated, and those of fine-tuning."""

    lr: float = fields.lr(0.01, _NOT_READ)
    momentum: float = fields.momentum(_NOT_READ)
    weight_decay: float = fields.weight_decay(5e-4, _NOT_READ)
    batch_size: int = fields.batch_size(256, "Retain samples", _NOT_READ)
    batch_norm: str = fields.batch_norm("train", "not stated")
    layers: int = param(
        1,
        "Negated layers",
        "How many trained convolutions, counted from the first, have their weights multiplied by -1; biases stay.",
        low=1,
        high=200,
        unit="layers",
        paper="1, the first layer",
    )


METHOD = Method(
    id="weight_negation",
    title="NoT",
    summary="Multiplies the weights of the first convolution by -1 and fine-tunes on the retain samples.",
    paper="Khalil et al., NoT: Federated Unlearning via Weight Negation, CVPR 2025 (arXiv 2503.05657)",
    params=NotParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    needs_forget=False,
    why_not_network=why_no_convolution,
    needs="A network with convolutions and all retain samples: a round is one pass over them, not over the forget "
    "samples. No forget samples.",
    fails="Later layers keep what they know of the forget samples, and fine-tuning may find the old weights again. The "
    "model is of no use until it is repaired.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: NotParams) -> Iterator[dict[str, float]]:
    """Negates once, and then fine-tunes (see `cu_core.methods.repair`) at one learning rate.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``, and ``lr``.
    """
    if context.first_round == 1:
        negate(context.model, params.layers)
    yield from repair(context, params, constant)


def negate(model: torch.nn.Module, layers: int) -> list[str]:
    """Turns the sign of the first trained convolutions' weights round.

    Args:
        model: changed in place.
        layers: how many; all where there are no more.

    Returns:
        The names of the changed layers.
    """
    chosen = dict(islice(trained_convolutions(model).items(), layers))
    with torch.no_grad():
        for layer in chosen.values():
            layer.weight.neg_()
    return list(chosen)
