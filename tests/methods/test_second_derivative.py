"""Layers with cheap second derivatives: the same numbers as the ordinary ones."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from cu_core.methods.second_derivative import CheapSecondDerivatives


class Bent(nn.Module):
    """Every setting of a convolution once, and an end whose second derivative is not 0."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 4, 3, stride=2, padding=2, dilation=2, groups=2, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 3, 3, padding="same"),
            nn.BatchNorm2d(3, affine=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(self.layers(x).flatten(1), dim=1)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_the_ordinary_layers(training: bool, order: torch.memory_format) -> None:
    torch.manual_seed(0)
    model = Bent().double()
    for name, value in model.named_buffers():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) * 0.1 + (0.5 if "var" in name else 0))
    model.train(training).to(memory_format=order)
    ordinary = copy.deepcopy(model)
    x = torch.randn(5, 2, 8, 8, dtype=torch.float64).contiguous(memory_format=order).requires_grad_()
    weights = torch.randn(5, 48, dtype=torch.float64)
    with CheapSecondDerivatives() as layers:
        answer = (model(x) * weights).sum()
        gradient = layers.input_gradient(answer, x)
    plain = (ordinary(x) * weights).sum()
    (wanted,) = torch.autograd.grad(plain, x, create_graph=True)
    torch.testing.assert_close(answer, plain)
    torch.testing.assert_close(gradient, wanted)
    # Both the answer and its input gradient reach the parameters.
    (gradient.pow(4).sum() + answer).backward()
    (wanted.pow(4).sum() + plain).backward()
    for (name, mine), theirs in zip(model.named_parameters(), ordinary.parameters(), strict=True):
        assert mine.grad is not None and theirs.grad is not None and theirs.grad.abs().max() > 0, name
        torch.testing.assert_close(mine.grad, theirs.grad, msg=name)


def test_ordinary_layers_come_back_after_the_block() -> None:
    layer, x = nn.Conv2d(1, 1, 3, bias=False), torch.ones(1, 1, 3, 3, requires_grad=True)
    with CheapSecondDerivatives():
        assert layer(x).grad_fn.name() == "_ConvolutionBackward"
    assert layer(x).grad_fn.name() == "ConvolutionBackward0"


def test_frozen_weights_get_no_gradient() -> None:
    layer, x = nn.Conv2d(1, 1, 3).requires_grad_(False), torch.ones(1, 1, 4, 4, requires_grad=True)
    scale = torch.ones(1, requires_grad=True)
    with CheapSecondDerivatives() as layers:
        gradient = layers.input_gradient((layer(x * scale)).sum(), x)
    gradient.square().sum().backward()
    assert layer.weight.grad is None and scale.grad is not None


def test_the_samples_get_no_gradient_but_the_one_that_is_returned() -> None:
    layer, x = nn.Conv2d(1, 1, 3), torch.ones(1, 1, 4, 4, requires_grad=True)
    with CheapSecondDerivatives() as layers:
        answer = nn.functional.normalize(layer(x).flatten(1), dim=1).sum()
        gradient = layers.input_gradient(answer, x)
    (gradient.square().sum() + answer).backward()
    assert x.grad is None and layer.weight.grad is not None
