"""How much each weight matters for some samples: the diagonal of the empirical Fisher information."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from cu_core.methods.context import Context

# Gradients that are in memory at once take no more than this many numbers together.
_NUMBERS = 2**26


def mean_squared_gradients(
    context: Context, batches: Iterable[tuple[Tensor, Tensor]], gradient_of: str
) -> dict[str, Tensor]:
    """Mean of the squared gradients of the cross-entropy, with the true labels, for each parameter.

    The network is read in evaluation mode, where a sample's gradient depends on that sample alone, and in full
    precision. The mean over samples of squares is the diagonal of the empirical Fisher information; the mean over
    batches of the squares of mean gradients, as in many released codes, is not, but takes far less memory.

    Args:
        context: whose model is asked; it is left in evaluation mode.
        batches: images (b, c, h, w) and labels (b,).
        gradient_of: ``"sample"`` or ``"batch"``.

    Returns:
        By parameter name, tensors of the parameters' shapes.
    """
    model = context.model.eval()
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(model, (weights, buffers), (x,)).float(), y)

    single = vmap(grad(loss), in_dims=(None, 0, 0))
    axis = 1 if gradient_of == "sample" else 0
    room = max(1, _NUMBERS // sum(p.numel() for p in parameters.values()))
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    count = 0
    # Fused attention cannot be taken sample by sample.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        for x, y in batches:
            context.check()
            # Each sample, or the whole batch, as a batch of its own.
            x, y = x.unsqueeze(axis), y.unsqueeze(axis)
            for some_x, some_y in zip(x.split(room), y.split(room), strict=True):
                for name, gradient in single(parameters, some_x, some_y).items():
                    total[name] += gradient.square().sum(0)
            count += len(x)
    return {name: value / count for name, value in total.items()}
