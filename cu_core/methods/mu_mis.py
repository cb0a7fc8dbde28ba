"""MU-Mis (Cheng et al., arXiv 2402.15109): the sensitivity of the true class to forget samples is brought down."""

from __future__ import annotations

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
_NOT_FOUND = "not found; no released code"


@dataclass(frozen=True)
class MuMisParams:
    """Hyper-parameters of MU-Mis."""

    lr: float = fields.lr(1e-4, _NOT_FOUND)
    momentum: float = fields.momentum(_NOT_FOUND, 0.0)
    batch_size: int = fields.batch_size(128, "Forget samples", _NOT_FOUND)
    other_weight: float = param(
        1.0,
        "Weight λ",
        "Weight of the sensitivity of another class, which is raised; 0 leaves it alone.",
        low=0.0,
        high=1000.0,
        special="0 = without",
        paper="1",
    )
    ratio_goal: float = param(
        0.0,
        "Goal of the ratio",
        "End once the sensitivity of the true class over that of the others has fallen to this share of its value "
        "before unlearning, over a whole round; 0 runs all rounds.",
        low=0.0,
        high=1.0,
        special="0 = off",
        paper="ends on this ratio; the value was not found",
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
    fails="The loss has no lower end: with large steps the other classes' sensitivity grows without bound and the "
    "model is lost. Batch norm keeps its stored statistics, so that each sample has a gradient of its own.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)


class _Ratio:
    """The ratio of sensitivities before unlearning and in the last round; in the checkpoint, so that an end stays."""

    def __init__(self) -> None:
        self.before, self.last = 0.0, float("inf")

    def state_dict(self) -> dict[str, Any]:
        """Both ratios."""
        return {"before": self.before, "last": self.last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over `state_dict`."""
        self.before, self.last = state["before"], state["last"]


def unlearn(context: Context, params: MuMisParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down the sensitivities of forget samples; a round is one pass over them.

    With c the label of x and c' another class, drawn anew each time it is read, the loss of a sample is
    ‖∂f_c/∂x‖² - λ ‖∂f_c'/∂x‖². The network is read in evaluation mode and in full precision throughout.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss``, of ``sensitivity`` and ``other_sensitivity``, the squared norms for c and c',
        and of ``gradient_norm``; and ``ratio``, their quotient over that before unlearning.
    """
    model = context.model
    parameters = [p for p in model.parameters() if p.requires_grad]
    steps = Steps(context, torch.optim.SGD(parameters, lr=params.lr, momentum=params.momentum))
    ratio = context.keep("ratio", _Ratio())
    if context.first_round == 1:
        ratio.before = _ratio_before(context, params.batch_size)
    for _ in context.rounds():
        if params.ratio_goal and ratio.last <= params.ratio_goal:
            return
        model.eval()
        for x, y, _ in context.forget.epoch(params.batch_size):
            own, other = sensitivities(model, x, y, other_classes(y, context.classes, context.generator))
            own, other = own.mean(), other.mean()
            steps.take(own - params.other_weight * other, sensitivity=own, other_sensitivity=other)
        told = steps.means()
        ratio.last = _quotient(told["sensitivity"], told["other_sensitivity"]) / max(ratio.before, _SMALLEST)
        yield told | {"ratio": ratio.last}


def _quotient(own: float, other: float) -> float:
    return own / max(other, _SMALLEST)


def _ratio_before(context: Context, batch_size: int) -> float:
    """Sensitivity of the labels' classes over that of others, on all forget samples."""
    model, own, other = context.model.eval(), 0.0, 0.0
    for x, y, _ in context.forget.epoch(batch_size, shuffle=False):
        context.check()
        found = sensitivities(model, x, y, other_classes(y, context.classes, context.generator))
        own, other = own + float(found[0].detach().sum()), other + float(found[1].detach().sum())
    return _quotient(own, other)


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
