"""Fine-tuning and its sparse form beside a plain statement of their steps."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from cu_core.methods.finetune import (
    FinetuneParams,
    L1FinetuneParams,
    absolute_sum,
    sparsity_weight,
    unlearn,
    unlearn_sparse,
)
from tests.methods.plain import PlainSgd, assert_same, twin
from tests.methods.small import context_of

COMMON = {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.01, "batch_size": 16}


@pytest.mark.parametrize("encoder", [False, True], ids=["classifier", "encoder"])
@pytest.mark.parametrize("sparse", [False, True], ids=["plain", "sparse"])
def test_steps_are_those_of_the_training_loss_and_the_falling_penalty(sparse: bool, encoder: bool) -> None:
    context, mirror = (context_of(rounds=3, encoder=encoder, batch_norm=True) for _ in range(2))
    model = twin(mirror)
    sgd = PlainSgd(model, lr=0.05, momentum=0.5, weight_decay=0.01)
    params = L1FinetuneParams(alpha=0.03, **COMMON) if sparse else FinetuneParams(**COMMON)
    told = list((unlearn_sparse if sparse else unlearn)(context, params))
    for numbers, weight in zip(told, (0.03, 0.02, 0.01), strict=True):
        losses = []
        for x, y, _ in mirror.retain.epoch(16):
            loss = mirror.objective(model, x, y, mirror.generator) if encoder else F.cross_entropy(model(x), y)
            if sparse:
                loss = loss + weight * sum(p.abs().sum() for p in model.parameters())
            losses.append(float(loss.detach()))
            sgd.step(loss)
        assert numbers["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert_same(context.model, model)
    assert context.forget.images_drawn == 0 and context.retain.images_drawn == 3 * 30
    assert not encoder or context.objective.steps == 6


def test_sparsity_falls_by_the_same_amount_each_round() -> None:
    assert [sparsity_weight(0.4, r, 4) for r in (1, 2, 3, 4)] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    model = torch.nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -2.0]]))
        model.bias.fill_(-0.5)
    assert absolute_sum(model).item() == 3.5


def test_a_strong_penalty_makes_weights_smaller_than_plain_fine_tuning() -> None:
    sizes = []
    for alpha in (0.0, 0.1):
        context = context_of(rounds=3)
        list(unlearn_sparse(context, L1FinetuneParams(alpha=alpha, **COMMON)))
        sizes.append(absolute_sum(context.model).item())
    assert sizes[1] < 0.9 * sizes[0]


def test_batch_norm_statistics_stay_where_asked() -> None:
    moved = []
    for mode in ("eval", "train"):
        context = context_of(batch_norm=True)
        before = context.model.trunk.rest[0].running_mean.clone()
        list(unlearn(context, dataclasses.replace(FinetuneParams(**COMMON), batch_norm=mode)))
        moved.append(bool((context.model.trunk.rest[0].running_mean != before).any()))
    assert moved == [False, True]
