"""Gather and scatter of a batch's rows between processes, differentiable to any order.

Every process draws the same batch. In the divided part of a network each of them has the rows of its own `share`
alone; elsewhere all of them have all rows and compute the very same numbers. What belongs to all is differentiated as
if there were one process. What belongs to one process gets gradients that are as many times too large as there are
processes, since `DistributedDataParallel` takes the mean over processes of the gradients of the weights: the mean of
those is the sum that one process would have found, and terms that all processes have alike, such as a penalty on the
weights themselves, come out of it as they went in.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function


def counts(rows: int) -> list[int]:
    """How many of `rows` each process has: in order, and as even as can be."""
    size = dist.get_world_size()
    return [rows // size + (rank < rows % size) for rank in range(size)]


def share(rows: int) -> slice:
    """Which of `rows` this process has."""
    each, rank = counts(rows), dist.get_rank()
    start = sum(each[:rank])
    return slice(start, start + each[rank])


def divide(whole: Tensor) -> Tensor:
    """This process's rows of what all processes have alike (n, ...)."""
    return _Divide.apply(whole)


def gather(part: Tensor, rows: int) -> Tensor:
    """All `rows` rows in order, from the rows that each process has."""
    return _Gather.apply(part, rows)


class _Divide(Function):
    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        ctx.rows = len(whole)
        return whole[share(len(whole))].clone()

    @staticmethod
    def backward(ctx: Any, part: Tensor) -> Tensor:
        return gather(part, ctx.rows) / dist.get_world_size()


class _Gather(Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, rows: int) -> Tensor:
        each = counts(rows)
        # Each process sends equally many rows; the last one may have to be made up.
        sent = part.new_zeros(max(each), *part.shape[1:])
        sent[: len(part)] = part
        received = [torch.empty_like(sent) for _ in each]
        dist.all_gather(received, sent)
        return torch.cat([rows_of[:count] for rows_of, count in zip(received, each, strict=True)])

    @staticmethod
    def backward(ctx: Any, whole: Tensor) -> tuple[Tensor, None]:
        return divide(whole) * dist.get_world_size(), None
