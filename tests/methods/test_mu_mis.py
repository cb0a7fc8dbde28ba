"""MU-Mis beside gradients of single samples, differences of the loss, and its rule for an end."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cu_core.learning.classifier import Classifier
from cu_core.methods.mu_mis import MuMisParams, _Recovery, other_classes, sensitivities, unlearn
from tests.methods.convolutional import convolutional
from tests.methods.plain import PlainSgd, assert_same, twin
from tests.methods.small import FP16, context_of


def squared_norms(model: torch.nn.Module, x: torch.Tensor, classes: torch.Tensor) -> list[torch.Tensor]:
    """One sample at a time, by plain autograd."""
    found = []
    for image, c in zip(x, classes, strict=True):
        one = image[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(one)[0, int(c)], one, create_graph=True)
        found.append((gradient**2).sum())
    return found


class Unrounded(nn.Module):
    """The same network without the cast to float32, which would drown small differences."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.trunk, self.projector, self.head = model.trunk, model.projector, model.head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.trunk(x)
        if self.projector is not None:
            features = torch.relu(F.normalize(self.projector(features), dim=1))
        return self.head(features)


@pytest.mark.parametrize("head", ["plain", "projected"])
def test_sensitivities_are_those_of_single_samples(head: str) -> None:
    context = convolutional(head, forget=10)
    model = context.model.eval()
    x, y, _ = context.forget.sample(6)
    others = (y + 1) % 3
    own, other = sensitivities(model, x, y, others)
    assert own.tolist() == pytest.approx([float(v.detach()) for v in squared_norms(model, x, y)], rel=1e-4)
    assert other.tolist() == pytest.approx([float(v.detach()) for v in squared_norms(model, x, others)], rel=1e-4)
    assert not x.requires_grad


@pytest.mark.parametrize("head", ["plain", "projected"])
def test_the_second_derivative_is_that_of_differences(head: str) -> None:
    context = convolutional(head, forget=10)
    model = Unrounded(context.model).eval().double()
    x, y, _ = context.forget.sample(6)
    x, others = x.double(), (y + 2) % 3

    def loss() -> torch.Tensor:
        own, other = sensitivities(model, x, y, others)
        return own.mean() - 0.7 * other.mean()

    parameters = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
    generator = torch.Generator().manual_seed(0)
    direction = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]
    predicted = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True) if g is not None)
    values = []
    for step in (1e-6, -1e-6):
        with torch.no_grad():
            for p, d in zip(parameters, direction, strict=True):
                p.add_(step * d)
        values.append(float(loss().detach()))
        with torch.no_grad():
            for p, d in zip(parameters, direction, strict=True):
                p.sub_(step * d)
    assert predicted == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.5])
def test_steps_go_down_the_difference(weight: float) -> None:
    context, mirror = (convolutional(forget=11, rounds=2) for _ in range(2))
    model = twin(mirror).eval()
    sgd = PlainSgd(model, lr=0.02, momentum=0.5, weight_decay=0.0)
    # What is measured before the first step draws classes, too.
    for _, y, _ in mirror.forget.epoch(4, shuffle=False):
        other_classes(y, 3, mirror.generator)
    params = MuMisParams(lr=0.02, momentum=0.5, batch_size=4, other_weight=weight)
    for told in unlearn(context, params):
        own_means, other_means = [], []
        for x, y, _ in mirror.forget.epoch(4):
            others = other_classes(y, 3, mirror.generator)
            own = torch.stack(squared_norms(model, x, y)).mean()
            other = torch.stack(squared_norms(model, x, others)).mean()
            own_means.append(float(own.detach()))
            other_means.append(float(other.detach()))
            sgd.step(own - weight * other)
        assert told["sensitivity"] == pytest.approx(np.mean(own_means), rel=1e-3)
        assert told["other_sensitivity"] == pytest.approx(np.mean(other_means), rel=1e-3)
    assert_same(context.model, model, tolerance=1e-4)
    assert context.retain.images_drawn == 0


def test_batch_norm_keeps_its_statistics_and_every_sample_its_own_gradient() -> None:
    context = convolutional(forget=10, rounds=2)
    before = {name: value.clone() for name, value in context.model.named_buffers()}
    list(unlearn(context, MuMisParams(lr=0.01)))
    assert all(torch.equal(value, before[name]) for name, value in context.model.named_buffers())


@pytest.mark.parametrize("classes", [2, 5])
def test_another_class_is_any_other_alike(classes: int) -> None:
    labels = torch.arange(classes).repeat(3000)
    drawn = other_classes(labels, classes, torch.Generator().manual_seed(0))
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels.numpy(), drawn.numpy()), 1)
    assert (np.diag(counts) == 0).all()
    assert counts[~np.eye(classes, dtype=bool)] == pytest.approx(3000 / (classes - 1), rel=0.15)


@pytest.mark.parametrize(
    ("sensitivities_of_rounds", "ends"),
    [
        ([8.0, 6.0, 7.0, 9.9], False),  # back, but not to where it was
        ([8.0, 6.0, 7.0, 10.1], True),
        ([12.0, 15.0], False),  # never fell
        ([9.0], False),
    ],
)
def test_the_end_needs_a_fall_and_a_way_back(sensitivities_of_rounds: list[float], ends: bool) -> None:
    recovery = _Recovery()
    recovery.before = 10.0
    for value in sensitivities_of_rounds:
        recovery.take(value)
    assert recovery.reached(1.0) == ends and not recovery.reached(0.0)
    again = _Recovery()
    again.load_state_dict(copy.deepcopy(recovery.state_dict()))
    assert again.reached(1.0) == ends


def test_an_end_that_was_reached_stays_one_after_a_resume() -> None:
    params = MuMisParams(lr=1e-3, recovery=0.5)
    context = convolutional(forget=10, rounds=200)
    told = list(unlearn(context, params))
    assert 2 <= len(told) < 200 and told[-1]["recovery"] >= 0.5
    again = convolutional(forget=10, rounds=200, first_round=len(told) + 1)
    again.saved = copy.deepcopy({name: thing.state_dict() for name, thing in context.kept.items()})
    assert list(unlearn(again, params)) == []


@pytest.mark.parametrize("named", [{"forget": 1}, {"forget": 9, "precision": FP16}], ids=["one sample", "fp16"])
def test_the_true_class_depends_on_the_image_less(named: dict) -> None:
    context = context_of(rounds=20, batch_norm=True, **named)
    told = list(unlearn(context, MuMisParams(lr=3.0, other_weight=0.0)))
    assert told[-1]["sensitivity"] < 0.5 * told[0]["sensitivity"]
