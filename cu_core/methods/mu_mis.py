"""MU-Mis (Cheng et al., arXiv 2402.15109): the sensitivity of the true class to forget samples is brought down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cu_core.base.heavy import later, torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps

if TYPE_CHECKING:
    from cu_core.methods import second_derivative
else:
    second_derivative = later("cu_core.methods.second_derivative")

# Below this a sensitivity is rounded up where something is divided by it.
_SMALLEST = 1e-30
_NOT_FOUND = "not found; the released code was not to be had"


@dataclass(frozen=True)
class MuMisParams:
    """Hyper-parameters of MU-Mis."""

    lr: float = fields.lr(2e-4, _NOT_FOUND)
    momentum: float = fields.momentum(_NOT_FOUND, 0.0)
    batch_size: int = fields.batch_size(32, "Forget samples", _NOT_FOUND)
    other_weight: float = param(
        1.0,
        "Weight λ",
        "Weight of the sensitivity of another class, which is raised; 0 leaves it alone.",
        low=0.0,
        high=1000.0,
        special="0 = without",
        paper="1",
    )
    recovery: float = param(
        0.0,
        "Recovery δ",
        "End once the sensitivity of the other classes, after a fall, is back at this share of what it was before "
        "unlearning, over a whole round; 0 leaves the end to the run's stopping rule.",
        low=0.0,
        high=100.0,
        special="0 = off",
        otherwise=("end at", 0.5),
        paper="ends by this rule; its δ was not found, and retain accuracy is said to be best at the initial level",
    )


METHOD = Method(
    id="mu_mis",
    title="MU-Mis",
    summary="Lowers, on forget samples, how much the true class depends on the image, and raises it for another class.",
    paper="Cheng et al., Remaining-data-free Machine Unlearning by Suppressing Sample Contribution (arXiv 2402.15109)",
    params=MuMisParams,
    implementation=lambda: unlearn,
    retain_data="none",
    needs="The forget samples and their labels alone, and a second derivative through the network: several times the "
    "time of a training step.",
    fails="Behind a projected head, which normalises the embedding, all sensitivities shrink and nothing is forgotten: "
    "it wants a plain head. The loss has no lower end: too many or too large steps lose the whole model. Batch norm "
    "keeps its stored statistics, so that each sample has a gradient of its own.",
    rounds={"class": 30, "sample": 30},
)
METHODS.add(METHOD)


class _Recovery:
    """The other classes' sensitivity: before unlearning, its least and its last; in the checkpoint, as an end is."""

    def __init__(self) -> None:
        self.before, self.least, self.last = 0.0, float("inf"), float("inf")

    def take(self, sensitivity: float) -> None:
        """Takes in that of one more round."""
        self.least, self.last = min(self.least, sensitivity), sensitivity

    def reached(self, goal: float) -> bool:
        """Whether it has fallen and then come back to a share of what it was."""
        fallen = self.least < self.before and self.last > self.least
        return goal > 0 and fallen and self.share >= goal

    @property
    def share(self) -> float:
        """The last root mean square over that before unlearning."""
        return math.sqrt(self.last / max(self.before, _SMALLEST))

    def state_dict(self) -> dict[str, Any]:
        """The three numbers."""
        return vars(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over `state_dict`."""
        vars(self).update(state)


def unlearn(context: Context, params: MuMisParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down the sensitivities of forget samples; a round is one pass over them.

    With c the label of x and c' another class, drawn anew each time it is read, the loss of a sample is
    ‖∂f_c/∂x‖² - λ ‖∂f_c'/∂x‖². The network is read in evaluation mode and in full precision throughout.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, of ``sensitivity`` and ``other_sensitivity``, the squared norms for c and c',
        and of ``gradient_norm``; and ``recovery``, the root of the latter over that before unlearning.
    """
    model = context.model
    parameters = [p for p in model.parameters() if p.requires_grad]
    steps = Steps(context, torch.optim.SGD(parameters, lr=params.lr, momentum=params.momentum))
    recovery = context.keep("recovery", _Recovery())
    if context.first_round == 1:
        recovery.before = _other_sensitivity(context, params.batch_size)
    for _ in context.rounds():
        if recovery.reached(params.recovery):
            return
        model.eval()
        for x, y, _ in context.forget.epoch(params.batch_size):
            own, other = sensitivities(model, x, y, other_classes(y, context.classes, context.generator))
            own, other = own.mean(), other.mean()
            steps.take(own - params.other_weight * other, sensitivity=own, other_sensitivity=other)
        told = steps.means()
        recovery.take(told["other_sensitivity"])
        yield told | {"recovery": recovery.share}


def _other_sensitivity(context: Context, batch_size: int) -> float:
    """Mean of ‖∂f_c'/∂x‖² over all forget samples, with a random other class for each."""
    model, total = context.model.eval(), 0.0
    for x, y, _ in context.forget.epoch(batch_size, shuffle=False):
        context.check()
        _, other = sensitivities(model, x, y, other_classes(y, context.classes, context.generator))
        total += float(other.detach().sum())
    return total / len(context.forget)


def other_classes(labels: torch.Tensor, classes: int, generator: torch.Generator) -> torch.Tensor:
    """A class for each label, every other one being as likely.

    Args:
        labels: (n,).
        classes: number of classes, at least 2.
        generator: on the CPU.
    """
    steps = torch.randint(1, classes, labels.shape, generator=generator)
    return (labels + steps.to(labels.device)) % classes


def sensitivities(
    model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, others: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """‖∂f_c/∂x‖² per sample for two classes c, with a graph back to the parameters.

    Args:
        model: in evaluation mode, where an answer depends on its own sample alone; returns logits (n, C).
        images: (n, ...).
        labels: (n,) the first class of each sample.
        others: (n,) the second.

    Returns:
        Two of (n,), in float32 at least, whatever the surrounding precision.
    """
    # A copy: a flag on the loader's own tensor would make every later use of it record a graph.
    x = images.detach().to(torch.promote_types(images.dtype, torch.float32), copy=True).requires_grad_()
    with (
        torch.enable_grad(),
        torch.autocast(x.device.type, enabled=False),
        torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
        second_derivative.CheapSecondDerivatives() as layers,
    ):
        logits = model(x)
        own, other = (
            layers.input_gradient(logits.gather(1, chosen[:, None]).sum(), x).flatten(1).square().sum(1)
            for chosen in (labels, others)
        )
    return own, other
