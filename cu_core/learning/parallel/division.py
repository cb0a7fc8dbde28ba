"""Data parallelism: divides a network's forward pass over processes and reduces its gradients.

Only the trunk is divided: it is nearly all of the work. Its features are gathered, and everything behind them, heads,
losses, negatives, queues, sees the whole batch on every process and needs to know nothing of this.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cu_core.learning.parallel.batch_norm import WholeBatchStatistics
from cu_core.learning.parallel.collectives import divide, gather, share

# What newer versions of torch call it, and older ones.
_KNOWN = inspect.signature(DistributedDataParallel.__init__).parameters
_ARGUMENT = "forward_sync_buffers" if "forward_sync_buffers" in _KNOWN else "broadcast_buffers"
_WITHOUT_BUFFERS: dict[str, Any] = {_ARGUMENT: False}


class Division:
    """A trunk whose training passes are divided.

    Attributes:
        active: whether all processes are at the same step now; if not, this one computes alone.
    """

    def __init__(self, trunk: nn.Module) -> None:
        self.active = False
        self._trunk = trunk
        # Batch norm sees to its own statistics, which are equal everywhere.
        self._reducing = DistributedDataParallel(trunk, **_WITHOUT_BUFFERS)

    def applies(self, images: Tensor, *, learning: bool = True) -> bool:
        """Whether a pass over these images is divided: in training mode, with an image for every process."""
        together = self.active and self._trunk.training and len(images) >= dist.get_world_size()
        return together and (not learning or torch.is_grad_enabled())

    def features(self, images: Tensor) -> Tensor:
        """Features of all images on every process."""
        return _divided_pass(self._reducing, images)


_DIVISIONS: WeakKeyDictionary[nn.Module, Division] = WeakKeyDictionary()
_COPIES: WeakKeyDictionary[nn.Module, Division] = WeakKeyDictionary()


def features(trunk: nn.Module, images: Tensor) -> Tensor:
    """What a trunk delivers (n, width) for images (n, channels, size, size), divided where that is asked for."""
    if (division := _DIVISIONS.get(trunk)) is not None and division.applies(images):
        return division.features(images)
    if (division := _COPIES.get(trunk)) is not None and division.applies(images, learning=False):
        return _divided_pass(trunk, images)
    found: Tensor = trunk(images)
    return found


@contextmanager
def divided(trunk: nn.Module) -> Iterator[Division]:
    """Divides the training passes of a trunk, as long as the `Division` is active; called by all processes at once."""
    division = _DIVISIONS[trunk] = Division(trunk)
    try:
        yield division
    finally:
        division.active = False
        del _DIVISIONS[trunk]


@contextmanager
def divided_like(copied: nn.Module, trunk: nn.Module) -> Iterator[None]:
    """Divides passes without gradients of a trunk's copy, which is in the same mode, where the trunk's are divided."""
    if trunk in _DIVISIONS:
        _COPIES[copied] = _DIVISIONS[trunk]
    try:
        yield
    finally:
        _COPIES.pop(copied, None)


def _divided_pass(module: nn.Module, images: Tensor) -> Tensor:
    own = divide(images) if images.requires_grad else images[share(len(images))]
    with WholeBatchStatistics(len(images)), _own_randomness(images.device):
        part = module(own)
    return gather(part, len(images))


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """Dropout draws otherwise on each process, and leaves the random state as it is on all of them."""
    seed = int(torch.randint(2**31, (1,))) + dist.get_rank()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
