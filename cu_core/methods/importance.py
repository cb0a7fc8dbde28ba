"""Weight importance: the diagonal of the empirical Fisher information."""

from __future__ import annotations

from collections.abc import Iterable

from cu_core.base.heavy import torch
from cu_core.methods.context import Context

# Gradients that are in memory at once take no more than this many numbers together.
_NUMBERS = 2**26


def mean_squared_gradients(
    context: Context, batches: Iterable[tuple[torch.Tensor, torch.Tensor]], gradient_of: str
) -> dict[str, torch.Tensor]:
    """Mean of the squared gradients of the cross-entropy, with the true labels, for each parameter.

    The network is read in evaluation mode, where a sample's gradient depends on that sample alone, and in full
    precision. The mean over samples of squares is the diagonal of the empirical Fisher information; the mean over
    batches of the squares of mean gradients, as in many released codes, is not, but takes far less memory.

    Args:
        context: whose model is evaluated; it is left in evaluation mode.
        batches: images (b, c, h, w) and labels (b,).
        gradient_of: ``"sample"`` or ``"batch"``.

    Returns:
        By parameter name, tensors of the parameters' shapes.
    """
    model = context.model.eval()
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(torch.func.functional_call(model, (weights, buffers), (x,)).float(), y)

    single = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    axis = 1 if gradient_of == "sample" else 0
    room = max(1, _NUMBERS // sum(p.numel() for p in parameters.values()))
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    count = 0
    # Fused attention cannot be taken sample by sample.
    with torch.no_grad(), torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for x, y in batches:
            context.check()
            # Each sample, or the whole batch, as a batch of its own.
            x, y = x.unsqueeze(axis), y.unsqueeze(axis)
            for some_x, some_y in zip(x.split(room), y.split(room), strict=True):
                for name, gradient in single(parameters, some_x, some_y).items():
                    total[name] += gradient.square().sum(0)
            count += len(x)
    return {name: value / count for name, value in total.items()}
