"""The gradient penalty (Wang & Chen, arXiv 2405.07317, Eq. 1): distance of input gradients from a norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cu_core.base.heavy import later, torch
from cu_core.methods.steps import batch_norm_mode

if TYPE_CHECKING:
    from cu_core.methods import second_derivative
else:
    second_derivative = later("cu_core.methods.second_derivative")

VARIANTS = ("two_sided", "zero_centered", "linear")
BATCH_NORM = ("eval", "train")
# Below this, a norm is rounded up, so that its gradient stays finite where a gradient vanishes.
_SMALLEST_NORM = 1e-6
# How far the sum of softmax probabilities in float32 may be from 1.
_SUM_TOLERANCE = 1e-5


def gradient_penalty(
    model: torch.nn.Module,
    x: torch.Tensor,
    variant: str = "two_sided",
    *,
    batch_norm: str = "eval",
    per_output: bool = False,
) -> torch.Tensor:
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
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> with torch.no_grad():
        ...     _ = model.weight.copy_(torch.tensor([[3.0, 4.0]]))
        >>> gradient_penalty(model, torch.zeros(1, 2), "zero_centered").item()
        25.0
    """
    _require(variant, "variant", VARIANTS)
    return penalty_of(input_gradient(model, x, batch_norm=batch_norm, per_output=per_output), variant)


def penalty_of(gradient: torch.Tensor, variant: str) -> torch.Tensor:
    """The penalty of given input gradients (b, p); see `gradient_penalty`."""
    squared = gradient.square().sum(1)
    if variant == "zero_centered":
        return squared.mean()
    norm = squared.clamp(min=_SMALLEST_NORM**2).sqrt()
    return (norm - 1).square().mean() if variant == "two_sided" else (norm - 1).mean()


def input_gradient(
    model: torch.nn.Module, x: torch.Tensor, *, batch_norm: str = "eval", per_output: bool = False
) -> torch.Tensor:
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
    return outputs_and_input_gradient(model, x, batch_norm=batch_norm, per_output=per_output)[1]


def outputs_and_input_gradient(
    model: torch.nn.Module, x: torch.Tensor, *, batch_norm: str = "eval", per_output: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """The outputs (b, ...) and, from the same forward pass, the `input_gradient` (b, p), both with a graph.

    A loss on outputs and a penalty on input gradients of the same samples share their forward pass and the way back.

    Raises:
        ValueError: as `input_gradient`.
    """
    _require(batch_norm, "batch_norm", BATCH_NORM)
    # A copy: a flag on the loader's own tensor would make every later use of it record a graph.
    x = x.detach().to(torch.promote_types(x.dtype, torch.float32), copy=True).requires_grad_()
    with (
        torch.enable_grad(),
        torch.autocast(x.device.type, enabled=False),
        torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
        batch_norm_mode(model, batch_norm),
        second_derivative.CheapSecondDerivatives() as layers,
    ):
        outputs = model(x)
        flat = outputs.flatten(1)
        _refuse_probabilities(flat)
        answer = flat.sum() / flat.shape[1] if per_output else flat.sum()
        gradient = layers.input_gradient(answer, x)
    return outputs, gradient.flatten(1)


def interpolate(members: torch.Tensor, others: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
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


def _refuse_probabilities(outputs: torch.Tensor) -> None:
    values = outputs.detach()
    sums_to_one = ((values.sum(1) - 1).abs() <= _SUM_TOLERANCE).all()
    if values.shape[1] > 1 and bool(sums_to_one & (values >= 0).all()):
        raise ValueError(
            "the model returns softmax probabilities: they always sum to 1, so the gradient of their sum is 0 and the "
            "penalty a constant without training signal; give it logits, log-probabilities or features"
        )
