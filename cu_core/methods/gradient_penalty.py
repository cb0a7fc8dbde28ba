"""Gradient-penalty unlearning (Wang & Chen, arXiv 2405.07317): both methods (Eq. 2 and 3).

The norm of a sample's input gradient is driven to one value, for which the network must answer as evenly
around the forget samples as it does elsewhere. The original training loss on the same samples goes on being
minimised: it keeps the network from collapsing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cu_core.base.errors import BadInput, DatasetError
from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods.context import Context
from cu_core.methods.input_penalty import (
    BATCH_NORM,
    VARIANTS,
    input_gradient,
    interpolate,
    outputs_and_input_gradient,
    penalty_of,
)
from cu_core.methods.steps import batch_norm_mode

if TYPE_CHECKING:
    from cu_core.data.batches import Split

_NOT_STATED = "not stated"


@dataclass(frozen=True)
class GradientPenaltyMembersParams:
    """Hyper-parameters of Method 2; the paper states hardly any of them."""

    alpha: float = param(
        1.0,
        "Weight α",
        "Weight of the original training loss on forget samples; 0 leaves the term out.",
        low=0.0,
        high=1000.0,
        search=(1e-3, 10.0),
        special="0 = without",
        paper=_NOT_STATED,
    )
    beta: float = param(
        1.0,
        "Weight β",
        "Weight of the gradient penalty; 0 leaves the term out.",
        low=0.0,
        high=1000.0,
        search=(0.01, 100.0),
        special="0 = without",
        paper=_NOT_STATED,
    )
    variant: str = param(
        "two_sided",
        "Penalty",
        "two_sided: (norm - 1)², Eq. 1; zero_centered: norm², as Algorithm 1 prints it; linear: norm - 1, as "
        "Algorithm 2 prints it. The norm is that of the input gradient of each sample.",
        choices=VARIANTS,
        search=(),  # another way to read the paper, not a value
        paper="two_sided (Eq. 1)",
    )
    batch_norm: str = param(
        "eval",
        "Batch norm",
        "eval: batch norm uses its stored statistics and leaves them as they are, so that each sample has a gradient "
        "of its own; train: it uses those of the batch and moves the stored ones towards the forget set.",
        choices=BATCH_NORM,
        paper=_NOT_STATED,
    )
    lr: float = param(
        1e-3,
        "Learning rate",
        "Step size of Adam.",
        low=1e-7,
        high=1.0,
        search=(1e-4, 1e-2),
        log=True,
        paper="not stated (training: 0.01)",
    )
    batch_size: int = param(
        128, "Batch size", "Forget samples per step.", low=1, high=4096, unit="samples", paper=_NOT_STATED
    )
    penalty_goal: float = param(
        0.0,
        "Penalty goal",
        "End once a round's mean penalty is no higher than this; 0 runs all rounds.",
        low=0.0,
        high=1000.0,
        special="0 = off",
        otherwise=("end at", 0.1),
        paper="the penalty is almost zero at the end",
        advanced=True,
    )

    def __post_init__(self) -> None:
        if not any(getattr(self, name, 0.0) for name in ("alpha", "beta", "gamma")):
            raise BadInput("method.alpha", "all terms have weight 0, so nothing would be unlearned", ("above 0",))
        if self.penalty_goal and not self.beta:
            raise BadInput("method.penalty_goal", "there is no penalty to reach a goal where beta is 0", ("0",))


@dataclass(frozen=True)
class GradientPenaltyParams(GradientPenaltyMembersParams):
    """Hyper-parameters of Method 1: those of Method 2 and the weight of the output norm."""

    gamma: float = param(
        0.1,
        "Weight γ",
        "Weight of the mean norm of the outputs on forget samples; 0 leaves the term out.",
        low=0.0,
        high=1000.0,
        search=(1e-4, 1.0),
        special="0 = without",
        paper=_NOT_STATED,
    )


_PAPER = "Wang & Chen, Machine Unlearning in Contrastive Learning, arXiv 2405.07317"
_OBJECTIVES = ("supervised", "self-supervised")
_ROUNDS = {"class": 10, "sample": 10}


def _divided(params: GradientPenaltyMembersParams) -> bool:
    """Whether steps reach all weights, which the penalty alone does not, and leave batch norm at its own statistics.

    The statistics of a divided batch have no second derivative.
    """
    return params.alpha > 0 and params.batch_norm == "eval"


GRADIENT_PENALTY = Method(
    id="gradient_penalty",
    title="Gradient penalty (Method 1)",
    summary="Evens out the outputs between forget samples and samples that the model never saw.",
    paper=f"{_PAPER}, Eq. 1-2, Algorithm 1",
    params=GradientPenaltyParams,
    implementation=lambda: unlearn,
    divided=_divided,
    objectives=_OBJECTIVES,
    retain_data="none",
    needs_unseen=True,
    needs_labels=False,
    needs="Unseen samples of about the same distribution, as many as forget samples, and a second derivative through "
    "the network: several times the time of a training step.",
    fails="Aims at membership attacks alone, not at a class that should no longer be recognised. The paper states no "
    "weights; with the wrong ones nothing moves, or the outputs fade to nothing.",
    rounds=_ROUNDS,
)
GRADIENT_PENALTY_MEMBERS = Method(
    id="gradient_penalty_members",
    title="Gradient penalty (Method 2)",
    summary="Evens out the outputs around the forget samples; needs no other samples.",
    paper=f"{_PAPER}, Eq. 1 and 3, Algorithm 2",
    params=GradientPenaltyMembersParams,
    implementation=lambda: unlearn_members,
    divided=_divided,
    objectives=_OBJECTIVES,
    retain_data="none",
    needs_labels=False,
    needs="The forget samples alone, and a second derivative through the network: several times the time of a training "
    "step.",
    fails="Aims at membership attacks alone, not at a class that should no longer be recognised. Nothing but the "
    "training loss on the forget samples themselves holds the model.",
    rounds=_ROUNDS,
)
METHODS.add(GRADIENT_PENALTY, GRADIENT_PENALTY_MEMBERS)


class _Ending:
    """Whether the penalty has reached its goal; in the checkpoint, so that a resume does not go on after it."""

    def __init__(self) -> None:
        self.reached = False

    def state_dict(self) -> dict[str, Any]:
        """Whether it was reached."""
        return {"reached": self.reached}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over `state_dict`."""
        self.reached = state["reached"]


class _Means:
    """Running means of named numbers, summed up on the device."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, numbers: dict[str, torch.Tensor]) -> None:
        """Takes in the numbers of one step."""
        for name, value in numbers.items():
            value = value.detach()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def read(self) -> dict[str, float]:
        """The means so far."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}


def unlearn(context: Context, params: GradientPenaltyParams) -> Iterator[dict[str, float]]:
    """Method 1: a step on α · training loss + β · penalty + γ · mean norm of the outputs per forget batch (Eq. 2).

    The penalty is taken between the forget samples and as many samples from outside the training set. Outputs
    are logits of a classifier and the un-normalised projection of an encoder.

    Args:
        context: model, data and randomness.
        params: hyper-parameters; a term with weight 0 is not computed.

    Yields:
        See `unlearn_members`; also ``output_norm``.

    Raises:
        DatasetError: no samples from outside the training set.
    """
    if params.beta and context.unseen is None:
        raise DatasetError("data", "there are too few unseen samples to set some apart for this method")
    return _rounds(context, params, params.gamma, context.unseen)


def unlearn_members(context: Context, params: GradientPenaltyMembersParams) -> Iterator[dict[str, float]]:
    """Method 2: a step on α · training loss + β · penalty on the forget samples per forget batch (Eq. 3).

    Args:
        context: model, data and randomness.
        params: hyper-parameters; a term with weight 0 is not computed.

    Yields:
        Per round the means of ``loss``, of the terms that are computed (``member_loss``; ``penalty`` with the
        ``input_gradient_norm`` behind it) and of ``gradient_norm``, that of the parameters (under fp16 over the
        steps that loss scaling did not skip).
    """
    return _rounds(context, params, 0.0, None)


def _rounds(
    context: Context, params: GradientPenaltyMembersParams, gamma: float, others: Split | None
) -> Iterator[dict[str, float]]:
    """One Adam step per forget batch, one pass over the forget set per round."""
    model = context.model
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = context.keep("optimizer", torch.optim.Adam(parameters, lr=params.lr))
    objective = context.keep("objective", context.objective)
    scaler = context.keep("scaler", context.precision.scaler())
    ending = context.keep("ending", _Ending())

    for _ in context.rounds():
        if ending.reached:
            return
        means = _Means()
        for x, y, _ in context.forget.epoch(params.batch_size):
            context.check()
            # One sample has no batch statistics.
            batch_norm = params.batch_norm if len(x) > 1 else "eval"
            with batch_norm_mode(model, batch_norm):
                terms = _terms(context, params, gamma, others, x, y, batch_norm)
            weights = {"member_loss": params.alpha, "penalty": params.beta, "output_norm": gamma}
            loss = torch.stack([weights[name] * terms[name] for name in weights if name in terms]).sum()
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
            scaler.step(optimizer)
            scaler.update()
            objective.after_step(model)
            # Loss scaling finds its scale by overflowing now and then; such a step is skipped, not a failure.
            taken = not scaler.is_enabled() or bool(norm.isfinite())
            means.add({"loss": loss} | terms | ({"gradient_norm": norm} if taken else {}))
        diagnostics = means.read()
        ending.reached = params.penalty_goal > 0 and diagnostics["penalty"] <= params.penalty_goal
        yield diagnostics


def _terms(
    context: Context,
    params: GradientPenaltyMembersParams,
    gamma: float,
    others: Split | None,
    x: torch.Tensor,
    y: torch.Tensor,
    batch_norm: str,
) -> dict[str, torch.Tensor]:
    """The terms of the loss of one forget batch, without those of weight 0."""
    model, autocast = context.model, context.precision.autocast
    terms = {}
    x = context.precision.images(x)
    # Both terms read the same samples, so one pass is enough. In training mode batch norm would see a batch less.
    together = context.has_classes and context.precision.name == "fp32" and batch_norm == "eval"
    together = together and others is None and params.alpha > 0 and params.beta > 0
    if together:
        outputs, gradient = outputs_and_input_gradient(model, x, batch_norm=batch_norm)
        terms["member_loss"] = context.loss(outputs, y)
    elif params.alpha:
        with autocast():
            terms["member_loss"] = context.objective(model, x, y, context.generator)
    if params.beta:
        if not together:
            points = x if others is None else interpolate(x, others.sample(len(x))[0], context.generator)
            gradient = input_gradient(model, points, batch_norm=batch_norm)
        terms["penalty"] = penalty_of(gradient, params.variant)
        terms["input_gradient_norm"] = gradient.detach().norm(dim=1).mean()
    if gamma:
        with autocast():
            outputs = model(x)
        terms["output_norm"] = outputs.float().norm(dim=1).mean()
    return terms
