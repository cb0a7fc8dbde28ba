"""The processes of a run: who they are, and how the first one leads the others.

Rank 0 runs the engine. The others follow its orders, which all of them receive in the same order over connections of
their own, however long that takes. A process that dies breaks those connections, and torchrun ends the rest.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable
from datetime import timedelta
from enum import IntEnum
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cu_core.base.errors import BadInput, Incompatible, UnlearnscopeError
from cu_core.catalogue.spec import RunSpec
from cu_core.learning.device import choose_device

# A process that holds up a step for longer is stuck; between steps the others may wait for as long as rank 0 needs.
STEP = timedelta(minutes=10)
PATIENCE = timedelta(days=30)
_BROKEN = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "broken pipe")


class Order(IntEnum):
    """What rank 0 tells the others."""

    GO = 0
    STOP = 1
    SET_UP = 2
    TRAIN = 3
    STATE = 4
    UNLEARN = 5
    ROUND = 6
    DONE = 7
    END = 8


class Stopped(UnlearnscopeError):
    """Rank 0 ended the run before it was finished."""


class Group:
    """The processes that work on one run, from inside one of them.

    Attributes:
        size: how many they are.
        device: where this one computes.
    """

    def __init__(self, spec: RunSpec) -> None:
        """Meets the others.

        Raises:
            BadInput: not as many processes, or GPUs, as the run wants.
        """
        self.size = int(os.environ["WORLD_SIZE"])
        if self.size != spec.processes:
            raise BadInput("processes", f"the run wants {spec.processes} and torchrun started {self.size}")
        self.device = _own_device(spec.device)
        dist.init_process_group("cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo", timeout=STEP)
        self._orders: Any = dist.new_group(backend="gloo", timeout=PATIENCE)

    def tell(self, order: Order, content: Any = None) -> None:
        """Gives the others an order; rank 0 alone does that.

        Args:
            order: what to do.
            content: tensors, numbers, texts, and lists and dicts of them.
        """
        body = io.BytesIO()
        if content is not None:
            torch.save(content, body)
        dist.broadcast(torch.tensor([order, len(body.getbuffer())]), 0, group=self._orders)
        if content is not None:
            dist.broadcast(torch.frombuffer(body.getbuffer(), dtype=torch.uint8), 0, group=self._orders)

    def receive(self) -> tuple[Order, Any]:
        """Waits for the next order.

        Raises:
            Stopped: it is to stop.
        """
        head = torch.empty(2, dtype=torch.int64)
        dist.broadcast(head, 0, group=self._orders)
        order, length = Order(int(head[0])), int(head[1])
        if order is Order.STOP:
            raise Stopped("rank 0 ended the run")
        if not length:
            return order, None
        body = torch.empty(length, dtype=torch.uint8)
        dist.broadcast(body, 0, group=self._orders)
        return order, torch.load(io.BytesIO(body.numpy().tobytes()), map_location="cpu", weights_only=True)

    def expect(self, order: Order) -> Any:
        """Waits for this very order and returns what comes with it.

        Raises:
            Stopped: the order is to stop.
        """
        found, content = self.receive()
        if found is not order:
            raise RuntimeError(f"rank 0 said {found.name} where {order.name} was due")
        return content

    def align(self, model: nn.Module) -> None:
        """Gives all processes the weights and statistics of rank 0.

        They are equal but for what a GPU leaves open, the order of its sums, which must not grow over many steps.
        """
        for same in _by_type(model.state_dict().values()):
            flat = torch.cat([value.detach().reshape(-1) for value in same])
            dist.broadcast(flat, 0)
            for value, part in zip(same, flat.split([value.numel() for value in same]), strict=True):
                value.detach().copy_(part.view(value.shape))

    def leave(self) -> None:
        """Parts from the others, however the run ended; they may be gone already.

        A process that ends without it is sometimes aborted: threads of gloo give tensors back while Python ends
        (pytorch/pytorch#179291), and torchrun takes that for a fault.
        """
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


def lost_another(error: BaseException) -> bool:
    """Whether an error says that another process of the run is gone or stuck."""
    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _BROKEN)


def _by_type(values: Iterable[Tensor]) -> list[list[Tensor]]:
    found: dict[torch.dtype, list[Tensor]] = {}
    for value in values:
        found.setdefault(value.dtype, []).append(value)
    return list(found.values())


def _own_device(text: str) -> torch.device:
    """The device of this process: a GPU of its own, or the CPU.

    Raises:
        Incompatible: a device that processes cannot divide work on.
        BadInput: fewer GPUs than processes on this machine.
    """
    device = choose_device(text)
    if device.type == "mps":
        raise Incompatible("processes", "several processes work on CUDA devices or the CPU, not on mps", ("1",))
    if device.type == "cuda":
        own, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        wanted = int(os.environ["LOCAL_WORLD_SIZE"])
        if wanted > there:
            raise BadInput("processes", f"{wanted} need as many GPUs, and there are {there}", [f"1 to {there}"])
        torch.cuda.set_device(own)
    return device
