"""Plain statements of what the methods' steps should do, without the program's loops and optimizers."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from cu_core.learning.network import Network
from cu_core.methods.context import Context


class PlainSgd:
    """SGD with momentum and weight decay, written out; clips the gradient's norm where asked to."""

    def __init__(self, model: nn.Module, lr: float, momentum: float, weight_decay: float, clip: float = 0.0) -> None:
        self.model, self.lr, self.momentum, self.decay, self.clip = model, lr, momentum, weight_decay, clip
        self.velocity = [torch.zeros_like(p) for p in model.parameters()]

    def step(self, loss: Tensor) -> float:
        """One step down the loss; returns the norm of its gradient."""
        parameters = list(self.model.parameters())
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients if g is not None))
        scale = self.clip / norm if 0 < self.clip < norm else 1.0
        with torch.no_grad():
            for p, v, g in zip(parameters, self.velocity, gradients, strict=True):
                if g is not None:
                    v.mul_(self.momentum).add_(g * scale + self.decay * p)
                    p.sub_(self.lr * v)
        return norm


class PlainAdam:
    """Adam (Kingma & Ba, Algorithm 1), written out."""

    def __init__(self, model: nn.Module, lr: float) -> None:
        self.model, self.lr, self.t = model, lr, 0
        self.first = [torch.zeros_like(p) for p in model.parameters()]
        self.second = [torch.zeros_like(p) for p in model.parameters()]

    def step(self, loss: Tensor) -> None:
        """One step down the loss."""
        self.t += 1
        parameters = list(self.model.parameters())
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, m, v, g in zip(parameters, self.first, self.second, gradients, strict=True):
                m.mul_(0.9).add_(0.1 * g)
                v.mul_(0.999).add_(0.001 * g**2)
                p.sub_(self.lr * (m / (1 - 0.9**self.t)) / ((v / (1 - 0.999**self.t)).sqrt() + 1e-8))


def twin(context: Context) -> Network:
    """A copy of the context's model in training mode, to be stepped by hand."""
    return copy.deepcopy(context.model).train()


def assert_same(model: nn.Module, other: nn.Module, tolerance: float = 1e-5) -> None:
    """Whether two models have the same weights and buffers."""
    for (name, value), wanted in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert value.detach().numpy() == pytest.approx(wanted.detach().numpy(), abs=tolerance), name
