"""Boundary Expanding (Chen et al., CVPR 2023): a forgotten class is moved to a shadow class that is then cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps

if TYPE_CHECKING:
    from cu_core.learning.classifier import Classifier

PAPER = "Chen et al., Boundary Unlearning, CVPR 2023 (arXiv 2303.11570)"


@dataclass(frozen=True)
class BoundaryExpandingParams:
    """Hyper-parameters of Boundary Expanding."""

    lr: float = param(
        1e-5,
        "Learning rate",
        "Step size of SGD.",
        low=1e-8,
        high=1.0,
        search=(1e-5, 0.03),
        log=True,
        paper="1e-5 (released code)",
    )
    momentum: float = param(
        0.9, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, paper="0.9 (released code)", advanced=True
    )
    batch_size: int = param(
        64, "Batch size", "Forget samples per step.", low=2, high=4096, unit="samples", paper="64 (released code)"
    )


METHOD = Method(
    id="boundary_expanding",
    title="Boundary Expanding",
    summary="Teaches samples of the forgotten class a shadow class, and then cuts that class off.",
    paper=f"{PAPER}, §3.4",
    params=BoundaryExpandingParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    tasks=("class",),
    retain_data="none",
    needs_labels=False,
    needs="The forget samples alone, and a last layer that can be widened.",
    fails="Nothing holds the retained classes, and nothing pushes the samples apart from each other: without the "
    "shadow class the largest remaining logit is often still the true class's.",
    rounds={"class": 10},
)
METHODS.add(METHOD)


def widened(head: torch.nn.Linear, generator: torch.Generator) -> torch.nn.Linear:
    """A copy of a last layer with one class more, whose weights are Xavier's and whose bias is 0.

    Args:
        head: Linear(d, C).
        generator: on the CPU.

    Returns:
        Linear(d, C + 1) on the same device.
    """
    wide = torch.nn.Linear(head.in_features, head.out_features + 1)
    torch.nn.init.xavier_uniform_(wide.weight, generator=generator)
    torch.nn.init.zeros_(wide.bias)
    wide.to(head.weight.device)
    with torch.no_grad():
        wide.weight[:-1], wide.bias[:-1] = head.weight, head.bias
    return wide


def unlearn(context: Context, params: BoundaryExpandingParams) -> Iterator[dict[str, float]]:
    """Teaches forget samples a class that the model does not have, behind a widened last layer.

    One SGD step per forget batch, one pass per round, over all weights. At the end of each round the model gets the
    rows of its own classes back, so that it never has another architecture than before. Batch norm is in training
    mode, as in the released code.

    Args:
        context: model, data and randomness; the retain samples are not touched.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, of ``shadow`` (share of samples that the shadow class gets) and of
        ``gradient_norm``.
    """
    model = cast("Classifier", context.model)
    # After a resume the stored head takes its place, and the method's own generator is past this draw.
    generator = context.generator if context.first_round == 1 else torch.Generator()
    wide = context.keep("wide_head", widened(model.head, generator))
    own = {id(p) for p in model.head.parameters()}
    learned = [p for p in model.parameters() if id(p) not in own] + list(wide.parameters())
    steps = Steps(context, torch.optim.SGD(learned, lr=params.lr, momentum=params.momentum))
    for _ in context.rounds():
        for x, y, _ in context.forget.epoch(params.batch_size):
            shadow = torch.full_like(y, model.num_classes)
            with context.precision.autocast():
                logits = wide(model.head_input(model.outputs(x)))
            loss = context.loss(logits.float(), shadow)
            steps.take(loss, shadow=(logits.argmax(1) == shadow).float().mean())
        with torch.no_grad():
            model.head.weight.copy_(wide.weight[:-1])
            model.head.bias.copy_(wide.bias[:-1])
        yield steps.means()
