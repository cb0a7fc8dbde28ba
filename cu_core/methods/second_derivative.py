"""Layers with a cheap second derivative, for losses on input gradients.

PyTorch differentiates the backward pass of a convolution by a convolution whose kernel is a whole batch of images, and
sends zeros back through the forward pass of each rectifier: a fifth of the time of a step of gradient-penalty
unlearning (benchmarks/penalty_step.py). Here the derivative of a convolution's input gradient is what it is in
formulas. With g_x the input gradient of y = conv(x, W) for the output gradient g_y, and v the gradient of the loss with
respect to g_x: the one with respect to g_y is conv(v, W), and the one with respect to W is the weight gradient of a
convolution with input v and output gradient g_y.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

# Where the native operators below are known to work; elsewhere PyTorch's own second derivatives are taken.
DEVICES = ("cpu", "cuda")

Settings = tuple[list[int], list[int], list[int], int]
"""Stride, padding, dilation and groups of a convolution."""


class CheapSecondDerivatives(TorchFunctionMode):
    """A block in which convolutions, rectifiers and batch norm in evaluation mode have cheap second derivatives.

    Values and derivatives are those of the ordinary layers up to rounding. Layers that are called in other ways than
    through `torch.nn.functional` stay as they are. The samples themselves get no gradient but the one that
    `input_gradient` returns: nobody steps on them, and a convolution that reads them need not send one back again.

    Example:
        >>> layer, x = torch.nn.Conv2d(1, 1, 3), torch.ones(1, 1, 3, 3, requires_grad=True)
        >>> with CheapSecondDerivatives() as layers:
        ...     (gradient,) = layers.input_gradient(layer(x).sum(), x)
        >>> gradient.square().sum().backward()
        >>> torch.allclose(layer.weight.grad, 2 * layer.weight)
        True
    """

    def __init__(self) -> None:
        super().__init__()
        self._wanted = _Wanted()

    def input_gradient(self, answer: Tensor, x: Tensor) -> Tensor:
        """Gradient of an answer that was computed in this block, with a graph back to the parameters.

        Args:
            answer: scalar.
            x: what the network was given.
        """
        # Autograd cannot say that the weights' own gradient will not be read, nor later that the samples' will not.
        self._wanted.weights, self._wanted.samples = False, None
        try:
            (gradient,) = torch.autograd.grad(answer, x, create_graph=True)
        finally:
            self._wanted.weights = True
            self._wanted.samples = x
        return gradient

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Takes the place of the functions that it knows."""
        kwargs = kwargs or {}
        replacement = _REPLACEMENTS.get(func)
        found = NotImplemented if replacement is None else replacement(self._wanted, *args, **kwargs)
        return func(*args, **kwargs) if found is NotImplemented else found


class _Wanted:
    """What a backward pass through a layer is to compute: the weights' gradient, and not that of some samples."""

    weights = True
    samples: Tensor | None = None


def _conv2d(
    wanted: _Wanted,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Any:
    if isinstance(padding, str) or x.ndim != 4 or x.device.type not in DEVICES:
        return NotImplemented
    settings = _pair(stride), _pair(padding), _pair(dilation), groups
    y = _Convolution.apply(x, weight, settings, wanted)
    return y if bias is None else y + bias[:, None, None]


def _relu(wanted: _Wanted, x: Tensor, inplace: bool = False) -> Any:
    return _Rectifier.apply(x) if x.device.type in DEVICES else NotImplemented


def _batch_norm(
    wanted: _Wanted,
    x: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if training or mean is None or variance is None or weight is None or bias is None:
        return NotImplemented
    if x.device.type not in DEVICES:
        return NotImplemented
    return _BatchNorm.apply(x, weight, bias, mean, variance, eps, wanted)


_REPLACEMENTS: dict[Any, Callable[..., Any]] = {F.conv2d: _conv2d, F.relu: _relu, F.batch_norm: _batch_norm}


class _Convolution(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, settings: Settings, wanted: _Wanted) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.settings, ctx.wanted = settings, wanted
        return _convolve(x, weight, settings)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (output,) = gradients
        x, weight = ctx.saved_tensors
        needs_x = ctx.needs_input_grad[0] and x is not ctx.wanted.samples
        of_x = _InputGradient.apply(output, weight, x.detach(), ctx.settings) if needs_x else None
        needs_weight = ctx.needs_input_grad[1] and ctx.wanted.weights
        of_weight = _weight_gradient(output, x, weight, ctx.settings) if needs_weight else None
        return of_x, of_weight, None, None


class _InputGradient(Function):
    @staticmethod
    def forward(ctx: Any, output: Tensor, weight: Tensor, x: Tensor, settings: Settings) -> Tensor:
        ctx.save_for_backward(output, weight)
        ctx.settings = settings
        return _backward(output, x, weight, settings, of_input=True)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (v,) = gradients
        output, weight = ctx.saved_tensors
        of_output = _convolve(v, weight, ctx.settings) if ctx.needs_input_grad[0] else None
        of_weight = _weight_gradient(output, v, weight, ctx.settings) if ctx.needs_input_grad[1] else None
        return of_output, of_weight, None, None


class _Rectifier(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # Which samples pass does not change with them, so nothing goes back that way: not even zeros.
        (y,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradients[0], y.detach(), 0)


class _BatchNorm(Function):
    """Batch norm with stored statistics: a scale and an offset per channel."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float, wanted: _Wanted
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps, ctx.wanted = eps, wanted
        scale = weight * (variance + eps).rsqrt()
        shape = _per_channel(x)
        return torch.addcmul((bias - mean * scale).view(shape), x, scale.view(shape))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (output,) = gradients
        x, weight, mean, variance = ctx.saved_tensors
        if not ctx.wanted.weights:
            return _Scaled.apply(output, weight, variance, ctx.eps), *(None,) * 6
        mask = list(ctx.needs_input_grad[:3])
        return *_scaled(output, x, weight, mean, variance, ctx.eps, mask), *(None,) * 4


class _Scaled(Function):
    """The input gradient of batch norm with stored statistics: the output gradient, scaled."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, weight: Tensor, variance: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(output, weight, variance)
        ctx.eps = eps
        return output * (weight * (variance + eps).rsqrt()).view(_per_channel(output))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (v,) = gradients
        output, weight, variance = ctx.saved_tensors
        mask = [*ctx.needs_input_grad[:2], False]
        of_output, of_weight, _ = _scaled(v, output, weight, torch.zeros_like(variance), variance, ctx.eps, mask)
        return of_output, of_weight, None, None


def _scaled(
    output: Tensor, x: Tensor, weight: Tensor, mean: Tensor, variance: Tensor, eps: float, mask: list[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """In one pass: the scaled output gradient, and the gradients of weight and bias, which are sums per channel."""
    found: tuple[Tensor | None, ...] = torch.ops.aten.native_batch_norm_backward(
        output, x, weight, mean, variance, None, None, False, eps, mask
    )
    return found[0], found[1], found[2]


def _per_channel(x: Tensor) -> tuple[int, ...]:
    return (1, -1) + (1,) * (x.ndim - 2)


def _convolve(x: Tensor, weight: Tensor, settings: Settings) -> Tensor:
    stride, padding, dilation, groups = settings
    return torch.ops.aten.convolution(x, weight, None, stride, padding, dilation, False, [0, 0], groups)


def _weight_gradient(output: Tensor, x: Tensor, weight: Tensor, settings: Settings) -> Tensor:
    return _backward(output, x, weight, settings, of_input=False)


def _backward(output: Tensor, x: Tensor, weight: Tensor, settings: Settings, *, of_input: bool) -> Tensor:
    stride, padding, dilation, groups = settings
    wanted = [of_input, not of_input, False]
    found = torch.ops.aten.convolution_backward(
        output, x, weight, None, stride, padding, dilation, False, [0, 0], groups, wanted
    )
    return found[0] if of_input else found[1]


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
