"""UNSIR: the noise, the two passes, the right labels, and what stays frozen."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor

from cu_core.base.errors import Incompatible
from cu_core.catalogue import compatibility
from cu_core.catalogue.spec import spec_from_json
from cu_core.methods import unsir
from cu_core.methods.context import Context
from cu_core.methods.unsir import UnsirParams
from tests.methods.plain import assert_same, twin
from tests.methods.small import context_of

# Passes of a single batch: the order inside it does not matter, so that a plain statement needs none.
PARAMS = UnsirParams(noise_batch=4, noise_steps=6, copies=3, per_class=5, batch_size=64, noise_weight=0.02)


class PlainAdam:
    """Adam as printed by Kingma & Ba (Algorithm 1)."""

    def __init__(self, parameters: list[Tensor], lr: float) -> None:
        self.parameters, self.lr, self.t = parameters, lr, 0
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]

    def step(self, loss: Tensor) -> None:
        self.t += 1
        gradients = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            for p, (first, second), g in zip(self.parameters, self.moments, gradients, strict=True):
                first.mul_(0.9).add_(0.1 * g)
                second.mul_(0.999).add_(0.001 * g**2)
                p -= self.lr * (first / (1 - 0.9**self.t)) / ((second / (1 - 0.999**self.t)).sqrt() + 1e-8)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    return (logits.logsumexp(1) - logits[torch.arange(len(y)), y]).mean()


def two_classes(rounds: int = 1, batch_norm: bool = True) -> Context:
    """A context that forgets the classes 0 and 2; the retain samples are all of class 1."""
    context = context_of(forget=12, retain=24, task="class", batch_norm=batch_norm, rounds=rounds)
    context.retain.indices = torch.nonzero(context.retain.source.labels == 1).flatten()
    context.forgotten = (0, 2)
    return context


def test_noise_climbs_the_loss_of_its_own_class() -> None:
    context, mirror = two_classes(), two_classes()
    noise, labels, loss = unsir.learned_noise(context, PARAMS)
    assert labels.tolist() == [0] * 4 + [2] * 4
    model, wanted, start = copy.deepcopy(mirror.model).eval(), [], 0.0
    for label in (0, 2):
        own = torch.randn(4, 1, 4, 4, generator=mirror.generator).requires_grad_()
        y = torch.full((4,), label)
        optimizer = PlainAdam([own], lr=0.1)
        start += float(cross_entropy(model(own), y).detach()) / 2
        for _ in range(6):
            optimizer.step(0.02 * (own**2).sum() / 4 - cross_entropy(model(own), y))
        wanted.append(own.detach())
    torch.testing.assert_close(noise, torch.cat(wanted), rtol=1e-3, atol=1e-4)
    assert loss == pytest.approx(float(cross_entropy(model(noise), labels).detach()), rel=1e-4)
    assert loss > start


def test_noise_of_the_released_notebook_is_learned_in_training_mode() -> None:
    """Batch norm written out: each step normalises by its own batch and moves the stored statistics by a tenth."""
    context, mirror = two_classes(), two_classes()
    start = copy.deepcopy(context.model.state_dict())
    noise, labels, _ = unsir.learned_noise(context, dataclasses.replace(PARAMS, noise_mode="released"))
    model, layer = copy.deepcopy(mirror.model).eval(), mirror.model.trunk.rest[0]
    mean, variance = layer.running_mean.clone(), layer.running_var.clone()
    wanted = []
    for label in (0, 2):
        own = torch.randn(4, 1, 4, 4, generator=mirror.generator).requires_grad_()
        optimizer = PlainAdam([own], lr=0.1)
        for _ in range(6):
            hidden = model.trunk.linear(own.flatten(1))
            spread = hidden.var(0, unbiased=False)
            bent = layer.weight * (hidden - hidden.mean(0)) / (spread + layer.eps).sqrt() + layer.bias
            features = torch.nn.functional.softplus(bent)
            answers = model.head(torch.nn.functional.normalize(model.projector(features), dim=1).relu())
            mean = 0.9 * mean + 0.1 * hidden.mean(0).detach()
            variance = 0.9 * variance + 0.1 * hidden.var(0).detach()
            optimizer.step(0.02 * (own**2).sum() / 4 - cross_entropy(answers, torch.full((4,), label)))
        wanted.append(own.detach())
    torch.testing.assert_close(noise, torch.cat(wanted), rtol=1e-3, atol=1e-3)
    assert labels.tolist() == [0] * 4 + [2] * 4
    found = context.model.trunk.rest[0]
    torch.testing.assert_close(found.running_mean, mean, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.running_var, variance, rtol=1e-3, atol=1e-4)
    assert all(torch.equal(value, start[name]) for name, value in context.model.named_parameters()), (
        "weights are frozen"
    )


def test_model_is_frozen_while_the_noise_is_learned() -> None:
    context = two_classes()
    before = copy.deepcopy(context.model.state_dict())
    unsir.learned_noise(context, PARAMS)
    assert all(torch.equal(context.model.state_dict()[name], value) for name, value in before.items())
    assert all(p.grad is None and p.requires_grad for p in context.model.parameters())


def test_rounds_impair_and_then_repair() -> None:
    # Without batch norm: behind it a bias has no gradient, and Adam makes whole steps of its rounding errors.
    context, mirror = (two_classes(rounds=2, batch_norm=False) for _ in range(2))
    model = twin(context)
    told = list(unsir.unlearn(context, PARAMS))
    noise, labels, loss = unsir.learned_noise(mirror, PARAMS)
    chosen = unsir.some_of_each_class(mirror, PARAMS.per_class)
    x, y = mirror.retain.source.take(chosen)
    impair, repair = (PlainAdam(list(model.parameters()), lr) for lr in (0.02, 0.01))
    for numbers in told:
        impaired = cross_entropy(model(torch.cat([noise] * 3 + [x])), torch.cat([labels] * 3 + [y]))
        impair.step(impaired)
        repaired = cross_entropy(model(x), y)
        repair.step(repaired)
        assert numbers["impair_loss"] == pytest.approx(float(impaired.detach()), rel=1e-3)
        assert numbers["repair_loss"] == pytest.approx(float(repaired.detach()), rel=1e-3)
    assert_same(context.model, model, tolerance=1e-3)
    assert [numbers.get("noise_loss") for numbers in told] == [pytest.approx(loss), None]
    assert context.forget.images_drawn == 0


def test_retain_samples_are_drawn_class_by_class() -> None:
    context = context_of(forget=12, retain=24, task="class")
    chosen = unsir.some_of_each_class(context, 5)
    labels = context.retain.source.labels[chosen]
    assert torch.bincount(labels, minlength=3).tolist() == [0, 5, 5]
    assert len(set(chosen.tolist())) == 10
    assert set(chosen.tolist()) <= set(context.retain.indices.tolist())
    assert len(unsir.some_of_each_class(context, 1000)) == len(context.retain)


def test_no_batch_is_left_with_a_single_image() -> None:
    parts = unsir._batches(65, 64, torch.Generator())
    assert sorted(len(part) for part in parts) == [32, 33]
    assert sorted(torch.cat(parts).tolist()) == list(range(65))


def test_samples_are_refused() -> None:
    spec = {"data": {"dataset": "digits"}, "forget": {"select": "random:40"}, "method": {"id": "unsir"}}
    with pytest.raises(Incompatible, match="defined for class forgetting"):
        compatibility.check(spec_from_json(spec))
