"""A context whose classifier has convolutions of several shapes, one of them frozen, for tests of single steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cu_core.learning.classifier import Classifier
from cu_core.learning.network import Network
from cu_core.methods.context import Context
from tests.methods.small import context_of

SQUARE, FROZEN, WIDE, POINT = "trunk.square", "trunk.frozen", "trunk.wide", "trunk.point"


class Whitening(nn.Conv2d):
    """A convolution whose weights are a buffer."""

    def __init__(self) -> None:
        super().__init__(1, 2, 2, bias=False)
        weight = self.weight.detach()
        del self.weight
        self.register_buffer("weight", weight)


class ConvTrunk(nn.Module):
    """From images (n, 1, 4, 4): a frozen 2×2 convolution, a trained 3×3, a 1×3 and a 1×1 one."""

    width = 5

    def __init__(self) -> None:
        super().__init__()
        self.frozen = Whitening()
        self.square = nn.Conv2d(2, 4, 3, padding=1)
        self.wide = nn.Conv2d(4, 3, (1, 3))
        self.point = nn.Conv2d(3, 5, 1)
        self.norm = nn.BatchNorm2d(5)

    def forward(self, x: Tensor) -> Tensor:
        bent = torch.relu(self.square(self.frozen(x)))
        return torch.tanh(self.norm(self.point(self.wide(bent)))).mean((2, 3))


def convolutional(head: str = "plain", **named: int | Callable[[], None]) -> Context:
    """As `context_of`, with a `ConvTrunk`."""
    context = context_of(**named)

    def fresh(seed: int) -> Network:
        torch.manual_seed(seed)
        return Classifier(ConvTrunk(), 3, head, 5)

    context.fresh, context.model = fresh, fresh(0)
    return context
