"""Gradient-penalty unlearning (Wang & Chen, arXiv 2405.07317): penalty (Eq. 1) and both methods (Eq. 2 and 3).

The norm of a sample's input gradient is driven to one value, for which the network must answer as evenly
around the forget samples as it does elsewhere. The original training loss on the same samples goes on being
minimised: it keeps the network from collapsing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from cu_core.base.errors import DatasetError
from cu_core.data.batches import Split
from cu_core.learning.objectives.training_objective import trained_parameters
from cu_core.methods.context import Context
from cu_core.methods.records.gradient_penalty import (
    BATCH_NORM,
    VARIANTS,
    GradientPenaltyMembersParams,
    GradientPenaltyParams,
)
from cu_core.methods.second_derivative import CheapSecondDerivatives
from cu_core.methods.steps import batch_norm_mode

# Below this, a norm is rounded up, so that its gradient stays finite where a gradient vanishes.
_SMALLEST_NORM = 1e-6
# How far the sum of softmax probabilities in float32 may be from 1.
_SUM_TOLERANCE = 1e-5


def gradient_penalty(
    model: nn.Module, x: Tensor, variant: str = "two_sided", *, batch_norm: str = "eval", per_output: bool = False
) -> Tensor:
    """Penalty on the norms of the input gradients of a batch (Eq. 1), differentiable in the parameters.

    With g_b the gradient of the sum of all outputs with respect to sample b, the penalty is the mean over the
    batch of ``(‖g_b‖₂ - 1)²`` (``two_sided``: Eq. 1), ``‖g_b‖₂²`` (``zero_centered``: Algorithm 1 as printed)
    or ``‖g_b‖₂ - 1`` (``linear``: Algorithm 2 as printed, not bounded by 0).

    Args:
        model: any module from images (b, ...) to outputs (b, ...); logits or features, not softmax probabilities.
        x: (b, ...) images; neither changed nor flagged.
        variant: ``"two_sided"``, ``"zero_centered"`` or ``"linear"``.
        batch_norm: see `input_gradient`.
        per_output: see `input_gradient`.

    Returns:
        Scalar, float32 or wider.

    Raises:
        ValueError: unknown variant or batch-norm policy, or a model that returns softmax probabilities.

    Example:
        >>> model = nn.Linear(2, 1, bias=False)
        >>> with torch.no_grad():
        ...     _ = model.weight.copy_(torch.tensor([[3.0, 4.0]]))
        >>> gradient_penalty(model, torch.zeros(1, 2), "zero_centered").item()
        25.0
    """
    _require(variant, "variant", VARIANTS)
    return penalty_of(input_gradient(model, x, batch_norm=batch_norm, per_output=per_output), variant)


def penalty_of(gradient: Tensor, variant: str) -> Tensor:
    """The penalty of given input gradients (b, p); see `gradient_penalty`."""
    squared = gradient.square().sum(1)
    if variant == "zero_centered":
        return squared.mean()
    norm = squared.clamp(min=_SMALLEST_NORM**2).sqrt()
    return (norm - 1).square().mean() if variant == "two_sided" else (norm - 1).mean()


def input_gradient(model: nn.Module, x: Tensor, *, batch_norm: str = "eval", per_output: bool = False) -> Tensor:
    """Gradient of the sum of all outputs with respect to each sample, with a graph back to the parameters.

    It grows with the number of outputs, and shrinks with the contrast of the images; `per_output` takes the mean
    over the outputs instead. Computed without mixed precision and, in transformers, with plain attention: fused
    attention has no second derivative.

    Args:
        model: as in `gradient_penalty`.
        x: (b, ...) images.
        batch_norm: ``"eval"``: layers use their stored statistics, so that row b depends on sample b alone;
            ``"train"``: those of the batch, which mixes the samples of a batch and moves the stored statistics, as
            the literal reading of the paper does; behind a batch norm that only linear layers follow, the gradient
            is then 0, since its outputs have a fixed sum. Afterwards each layer is in its own mode again.
        per_output: divide by the number of outputs of a sample.

    Returns:
        (b, p) with p numbers per sample; float32, or float64 for images in float64.

    Raises:
        ValueError: unknown batch-norm policy, or a model that returns softmax probabilities.
    """
    _require(batch_norm, "batch_norm", BATCH_NORM)
    # A copy: a flag on the loader's own tensor would make every later use of it record a graph.
    x = x.detach().to(torch.promote_types(x.dtype, torch.float32), copy=True).requires_grad_()
    with (
        torch.enable_grad(),
        torch.autocast(x.device.type, enabled=False),
        sdpa_kernel(SDPBackend.MATH),
        batch_norm_mode(model, batch_norm),
        CheapSecondDerivatives() as layers,
    ):
        outputs = model(x).flatten(1)
        _refuse_probabilities(outputs)
        answer = outputs.sum() / outputs.shape[1] if per_output else outputs.sum()
        gradient = layers.input_gradient(answer, x)
    return gradient.flatten(1)


def interpolate(members: Tensor, others: Tensor, generator: torch.Generator) -> Tensor:
    """Points between members and others, one random share per pair (Algorithm 1).

    Args:
        members: (b, ...) images.
        others: (c, ...) images of the same shape; the longer batch is cut to the shorter one.
        generator: on the CPU.

    Returns:
        (min(b, c), ...): ``a · others + (1 - a) · members`` with a uniform in 0..1.
    """
    n = min(len(members), len(others))
    share = torch.rand(n, *[1] * (members.ndim - 1), generator=generator).to(members.device, members.dtype)
    return share * others[:n] + (1 - share) * members[:n]


def _require(value: str, name: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed: {', '.join(map(repr, allowed))}")


def _refuse_probabilities(outputs: Tensor) -> None:
    values = outputs.detach()
    sums_to_one = ((values.sum(1) - 1).abs() <= _SUM_TOLERANCE).all()
    if values.shape[1] > 1 and bool(sums_to_one & (values >= 0).all()):
        raise ValueError(
            "the model returns softmax probabilities: they always sum to 1, so the gradient of their sum is 0 and the "
            "penalty a constant without training signal; give it logits, log-probabilities or features"
        )


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
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, numbers: dict[str, Tensor]) -> None:
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
    parameters = list(trained_parameters(model))
    optimizer = context.keep("optimizer", torch.optim.Adam(parameters, lr=params.lr))
    objective = context.keep("objective", context.objective)
    scaler = context.keep("scaler", context.precision.scaler())
    ending = context.keep("ending", _Ending())

    for _ in context.rounds():
        if ending.reached:
            return
        model.train()
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
        told = means.read()
        ending.reached = params.penalty_goal > 0 and told["penalty"] <= params.penalty_goal
        yield told


def _terms(
    context: Context,
    params: GradientPenaltyMembersParams,
    gamma: float,
    others: Split | None,
    x: Tensor,
    y: Tensor,
    batch_norm: str,
) -> dict[str, Tensor]:
    """The terms of the loss of one forget batch, without those of weight 0."""
    model, autocast = context.model, context.precision.autocast
    terms = {}
    if params.alpha:
        with autocast():
            terms["member_loss"] = context.objective(model, x, y, context.generator)
    if params.beta:
        points = x if others is None else interpolate(x, others.sample(len(x))[0], context.generator)
        gradient = input_gradient(model, points, batch_norm=batch_norm)
        terms["penalty"] = penalty_of(gradient, params.variant)
        terms["input_gradient_norm"] = gradient.detach().norm(dim=1).mean()
    if gamma:
        with autocast():
            outputs = model(x)
        terms["output_norm"] = outputs.float().norm(dim=1).mean()
    return terms
