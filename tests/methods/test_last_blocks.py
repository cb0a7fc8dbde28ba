"""EU-k and CF-k: frozen blocks stay bit for bit, the others take the steps of a plain training of the rest."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from cu_core.methods.last_blocks import CfKParams, EuKParams, finetune, retrain
from tests.methods.plain import PlainSgd, assert_same
from tests.methods.small import context_of

CF = {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.01, "batch_size": 16}
LEARNING = {1: ["head"], 2: ["projector.2", "head"], 3: ["projector", "head"], 4: [""]}
CASES = [
    *((method, k, False, learning) for method in ("eu_k", "cf_k") for k, learning in LEARNING.items()),
    *(("cf_k", k, True, learning) for k, learning in {1: ["projector.2"], 2: ["projector"], 3: [""]}.items()),
]


@pytest.mark.parametrize(("method", "k", "encoder", "learning"), CASES)
def test_frozen_blocks_stay_bit_for_bit_statistics_included(
    method: str, k: int, encoder: bool, learning: list[str]
) -> None:
    context = context_of(rounds=2, batch_norm=True, encoder=encoder)
    with torch.no_grad():
        for value in context.model.parameters():
            value.add_(0.3)
    start = copy.deepcopy(context.model.state_dict())
    list(retrain(context, EuKParams(k=k)) if method == "eu_k" else finetune(context, CfKParams(k=k, **CF)))
    for name, value in context.model.state_dict().items():
        free = any(name.startswith(part) for part in learning)
        assert torch.equal(value, start[name]) != free, name
    assert all(p.requires_grad for p in context.model.parameters())
    assert context.forget.images_drawn == 0


def test_cf_k_takes_the_steps_of_a_head_on_frozen_features() -> None:
    context, mirror = (context_of(rounds=2, batch_norm=True) for _ in range(2))
    for some in (context, mirror):
        some.model.trunk.rest[0].running_mean.fill_(0.2)
    told = list(finetune(context, CfKParams(k=2, **CF)))
    model = mirror.model
    part = torch.nn.Sequential(model.projector[2], model.head)
    sgd = PlainSgd(part, lr=0.05, momentum=0.5, weight_decay=0.01)
    model.eval()
    for numbers in told:
        losses = []
        for x, y, _ in mirror.retain.epoch(16):
            hidden = model.projector[1](model.projector[0](model.trunk(x))).detach()
            loss = F.cross_entropy(part[1](F.normalize(part[0](hidden), dim=1).relu()), y)
            losses.append(float(loss.detach()))
            sgd.step(loss)
        assert numbers["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert_same(context.model, model)


def test_eu_k_begins_at_the_initial_weights_and_trains_on_frozen_features() -> None:
    recipe = {"optimizer": "sgd", "schedule": "constant", "lr": 0.1, "weight_decay": 0.01, "batch_size": 30}
    context, mirror = (context_of(rounds=3, batch_norm=True) for _ in range(2))
    for some in (context, mirror):
        some.recipe = dataclasses.replace(some.recipe, momentum=0.9, epochs=3, augment="none", **recipe)
        some.base_seed = 5
        with torch.no_grad():
            for value in some.model.parameters():
                value.add_(0.3)
    told = list(retrain(context, EuKParams(k=2)))
    model, initial = mirror.model.eval(), mirror.fresh(5)
    part = torch.nn.Sequential(initial.projector[2], initial.head)
    sgd = PlainSgd(part, lr=0.1, momentum=0.9, weight_decay=0.01)
    x, y = mirror.retain.source.take(mirror.retain.indices)
    hidden = model.projector[1](model.projector[0](model.trunk(x))).detach()
    for numbers in told:
        # One batch holds all samples, so that their order does not matter.
        loss = F.cross_entropy(part[1](F.normalize(part[0](hidden), dim=1).relu()), y)
        assert numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-4)
        sgd.step(loss)
    model.projector[2], model.head = part
    assert_same(context.model, model)


@pytest.mark.parametrize("method", ["eu_k", "cf_k"])
def test_batch_norm_of_frozen_blocks_may_follow_the_retain_samples(method: str) -> None:
    """As in released code: its statistics are those of the batches, its weights stay; stated for two passes."""
    context, mirror = (context_of(forget=4, retain=20, rounds=2, batch_norm=True) for _ in range(2))
    for some in (context, mirror):
        some.recipe = dataclasses.replace(
            some.recipe, optimizer="sgd", schedule="constant", lr=0.05, momentum=0.5, weight_decay=0.01, batch_size=64
        )
        some.recipe = dataclasses.replace(some.recipe, epochs=2, augment="none")
    start = copy.deepcopy(context.model.state_dict())
    if method == "eu_k":
        told = list(retrain(context, EuKParams(k=1, frozen_batch_norm="train")))
    else:
        told = list(finetune(context, CfKParams(k=1, **CF | {"batch_size": 64}, frozen_batch_norm="train")))
    model, layer = mirror.model, mirror.model.trunk.rest[0]
    head = mirror.fresh(mirror.base_seed).head if method == "eu_k" else model.head
    sgd = PlainSgd(head, lr=0.05, momentum=0.5, weight_decay=0.01)
    x, y = mirror.retain.source.take(mirror.retain.indices)
    hidden = model.trunk.linear(x.flatten(1)).detach()
    spread = (hidden - hidden.mean(0)) / (hidden.var(0, unbiased=False) + layer.eps).sqrt()
    features = F.softplus(layer.weight * spread + layer.bias).detach()
    embedding = F.normalize(model.projector(features), dim=1).relu().detach()
    for numbers in told:
        loss = F.cross_entropy(head(embedding), y)
        assert numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-4)
        sgd.step(loss)
    found = context.model.trunk.rest[0]
    mean, variance = start["trunk.rest.0.running_mean"], start["trunk.rest.0.running_var"]
    for _ in range(2):
        mean, variance = 0.9 * mean + 0.1 * hidden.mean(0), 0.9 * variance + 0.1 * hidden.var(0)
    torch.testing.assert_close(found.running_mean, mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.running_var, variance, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(context.model.head.weight, head.weight, rtol=1e-4, atol=1e-5)
    for name, value in context.model.named_parameters():
        assert name.startswith("head") or torch.equal(value, start[name]), name
