"""Synchronised batch norm: statistics over the whole batch of all processes.

`torch.nn.SyncBatchNorm` does that on GPUs alone, and for plain layers alone. Here, what layers call is replaced while
a divided batch passes through a network: `torch.nn.functional.batch_norm`. So it works on any device and for any
layer that is a batch norm, and the network stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from cu_core.learning.parallel.collectives import counts


class WholeBatchStatistics(TorchFunctionMode):
    """Context in which batch norm in training mode takes the statistics of the batch of all processes.

    Args:
        rows: samples of the whole batch; at least one on each process.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Stands in for one function; all others are called as they are."""
        called = self._batch_norm if func is F.batch_norm else func
        return called(*args, **(kwargs or {}))

    def _batch_norm(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
        scale = torch.ones_like(_channels(input)) if weight is None else weight
        shift = torch.zeros_like(scale) if bias is None else bias
        found, mean, var, count = _Normalise.apply(input, scale, shift, self.rows, eps)
        with torch.no_grad():
            if running_mean is not None:
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            if running_var is not None:
                unbiased = var * (count / max(count - 1, 1))
                running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        return found


class _Normalise(Function):
    """Normalises by the mean and variance of the whole batch, with the gradient that goes through both."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, rows: int, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, int]:
        each = torch.tensor(counts(rows), dtype=torch.float32, device=x.device)
        own = counts(rows)[dist.get_rank()]
        count = x.numel() // x.shape[1] * rows // own
        var, mean = torch.var_mean(x.float(), [d for d in range(x.ndim) if d != 1], correction=0)
        # One exchange for both; parts are put together from their own means, for which squares would be too coarse.
        table = torch.zeros(len(each), 2, len(mean), device=x.device)
        table[dist.get_rank()] = torch.stack([mean, var])
        dist.all_reduce(table)
        weights = (each / rows)[:, None]
        mean = (weights * table[:, 0]).sum(0)
        var = (weights * (table[:, 1] + (table[:, 0] - mean).square())).sum(0)
        ctx.save_for_backward(x, weight, mean, var)
        ctx.eps, ctx.count = eps, count
        ctx.mark_non_differentiable(mean, var)
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps), mean, var, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, weight, mean, var = ctx.saved_tensors
        # As if the statistics were constants, then what they add: the same two sums, over all processes.
        direct, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, var, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([of_weight.float(), of_bias.float()])
        dist.all_reduce(sums)
        inverse = (var + ctx.eps).rsqrt()
        slope = -weight.float() * inverse.square() * sums[0] / ctx.count
        level = -weight.float() * inverse * sums[1] / ctx.count - slope * mean
        shape = [1, -1] + [1] * (x.ndim - 2)
        through = x.float() * slope.view(shape) + level.view(shape)
        return direct + through.to(direct.dtype), of_weight, of_bias, None, None


def _channels(x: Tensor) -> Tensor:
    return torch.empty(x.shape[1], dtype=torch.float32, device=x.device)
