"""DELETE (Zhou et al., CVPR 2025): towards the base model's own answers without the true class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps, learning
from cu_core.methods.teacher import distillation_loss, frozen_copy

_CODE = "released code, CIFAR-10, ResNet-18"


@dataclass(frozen=True)
class DeleteParams:
    """Hyper-parameters of DELETE."""

    lr: float = fields.lr(1e-3, f"1e-3 (its commands) and 1e-4 (its settings file; both {_CODE})")
    momentum: float = fields.momentum(f"0.9 ({_CODE})")
    batch_size: int = fields.batch_size(128, "Forget samples", f"128 ({_CODE})")
    batch_norm: str = fields.batch_norm("train", "train (released code, where eval can be asked for)")


METHOD = Method(
    id="delete",
    title="DELETE",
    summary="Teaches the model, on forget samples, its own former answers with the true class struck out.",
    paper="Decoupled Distillation to Erase, CVPR 2025 (arXiv 2503.23751); as in its released code",
    params=DeleteParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    retain_data="none",
    needs="The forget samples and their labels alone, and the base model beside the one that learns.",
    fails="A struck-out answer is not the answer of a retrained model: single samples that a retrained model "
    "recognises are forgotten too much, and then stand out. Of several forgotten classes one may take over the samples "
    "of another.",
    rounds={"class": 20, "sample": 20},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: DeleteParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down KL(target ‖ student) on forget samples; a round is one pass over them.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, of ``true_class``, the probability that the student gives to the label, and of
        ``gradient_norm``.
    """
    model = context.model
    steps = Steps(context, torch.optim.SGD(model.parameters(), lr=params.lr, momentum=params.momentum))
    base = frozen_copy(context)
    for _ in context.rounds():
        for x, y, _ in context.forget.epoch(params.batch_size):
            target = without_label(steps.logits(x, base), y)
            with learning(model, params.batch_norm, len(x)):
                logits = steps.logits(x)
            loss = distillation_loss(logits, target, temperature=1.0)
            true_class = logits.detach().softmax(1).gather(1, y[:, None]).mean()
            steps.take(loss, true_class=true_class)
        yield steps.means()


def without_label(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Logits whose softmax is that of the other classes alone.

    Args:
        logits: (n, C) with C of at least 2; left as they are.
        labels: (n,) the class that is struck out of each row.

    Returns:
        (n, C), so low at the label that its probability is 0 and the logarithm of that still a number.
    """
    return logits.scatter(1, labels[:, None], -1e10)
