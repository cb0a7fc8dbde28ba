"""The heads, compared with their formulas in NumPy, and mixed precision at the head's edge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cu_core.learning.classifier import Classifier


class Flat(nn.Module):
    """A trunk that hands its input on, so that the head alone is tested."""

    width = 6

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


def arrays(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()


def test_projected_head_follows_its_formula() -> None:
    torch.manual_seed(0)
    model = Classifier(Flat(), 3, "projected", 4)
    images = torch.randn(5, 1, 2, 3)
    out = model.outputs(images)

    (w1, b1), (w2, b2), (w3, b3) = arrays(model.projector[0]), arrays(model.projector[2]), arrays(model.head)
    features = images.double().numpy().reshape(5, 6)
    raw = np.maximum(features @ w1.T + b1, 0) @ w2.T + b2
    embedding = raw / np.sqrt((raw**2).sum(1, keepdims=True))
    logits = np.maximum(embedding, 0) @ w3.T + b3

    np.testing.assert_allclose(out.raw.detach(), raw, atol=1e-6)
    np.testing.assert_allclose(out.embedding.detach(), embedding, atol=1e-6)
    np.testing.assert_allclose(out.logits.detach(), logits, atol=1e-6)
    assert (model.num_classes, model.embedding_dim) == (3, 4)


def test_plain_head_is_linear_on_the_trunk() -> None:
    torch.manual_seed(0)
    model = Classifier(Flat(), 3, "plain", 128)
    images = torch.randn(5, 1, 2, 3)
    out = model.outputs(images)
    weight, bias = arrays(model.head)
    features = images.numpy().reshape(5, 6)
    np.testing.assert_allclose(out.embedding.detach(), features)
    np.testing.assert_allclose(out.raw.detach(), features)
    np.testing.assert_allclose(out.logits.detach(), features @ weight.T + bias, atol=1e-6)
    assert model.embedding_dim == 6


@pytest.mark.parametrize("head", ["projected", "plain"])
def test_forward_gives_the_logits_of_outputs(head: str) -> None:
    model = Classifier(Flat(), 3, head, 4)
    images = torch.randn(5, 1, 2, 3)
    assert torch.equal(model(images), model.outputs(images).logits)


@pytest.mark.parametrize("head", ["projected", "plain"])
def test_outputs_are_float32_and_unit_length_under_autocast(head: str) -> None:
    model = Classifier(Flat(), 3, head, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model.outputs(100 * torch.randn(5, 1, 2, 3))
    assert {value.dtype for value in out} == {torch.float32}
    if head == "projected":
        np.testing.assert_allclose(out.embedding.detach().norm(dim=1), 1, atol=1e-6)


def test_a_zero_feature_does_not_make_the_embedding_infinite() -> None:
    model = Classifier(Flat(), 3, "projected", 4)
    nn.init.zeros_(model.projector[2].weight)
    nn.init.zeros_(model.projector[2].bias)
    out = model.outputs(torch.randn(5, 1, 2, 3))
    out.logits.sum().backward()
    assert torch.equal(out.embedding, torch.zeros(5, 4))
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
