"""Rewind-to-delete: the epochs that are repeated, the weights that they start from, the noise."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from cu_core.base.errors import BadInput
from cu_core.data.batches import Split
from cu_core.learning.training import epoch_seed, learning_rate
from cu_core.methods.rewind_to_delete import RewindParams, unlearn
from tests.methods.plain import PlainSgd, assert_same
from tests.methods.small import context_of


def rewound(rounds: int, epochs: int, **named):
    """A context whose earlier weights are those of another seed, and these weights."""
    context = context_of(forget=10, retain=21, rounds=rounds, batch_norm=True, **named)
    context.recipe = dataclasses.replace(context.recipe, epochs=epochs, momentum=0.9, weight_decay=0.1)
    before = context.fresh(7)
    asked: list[int] = []
    context.earlier = lambda back: (asked.append(back), before.state_dict())[1]
    return context, before, asked


@pytest.mark.parametrize("task", ["class", "sample"])
def test_repeats_the_last_epochs_of_the_recipe_on_the_retain_samples(task: str) -> None:
    context, before, asked = rewound(2, 5, task=task)
    context.base_seed = 3
    told = list(unlearn(context, RewindParams()))
    assert asked == [2] and context.forget.images_drawn == 0 and context.retain.images_drawn == 2 * len(context.retain)
    model = copy.deepcopy(before).train()
    generator = torch.Generator()
    retain = Split(context.retain.source, context.retain.indices, generator)
    sgd = PlainSgd(model, 0.0, 0.9, 0.1)
    steps = retain.steps(8)
    for epoch, numbers in zip((3, 4), told, strict=True):
        generator.manual_seed(epoch_seed(3, epoch))
        total = 0.0
        for i, (x, y, _) in enumerate(retain.epoch(8)):
            sgd.lr = learning_rate(context.recipe, epoch * steps + i, 5 * steps)
            loss = F.cross_entropy(model(x), y)
            total += float(loss.detach()) * len(y)
            sgd.step(loss)
        assert numbers["loss"] == pytest.approx(total / len(retain), rel=1e-4)
    assert_same(context.model, model)


def test_noise_is_added_once_after_the_last_round() -> None:
    plain, noisy = (rewound(2, 4)[0] for _ in range(2))
    list(unlearn(plain, RewindParams()))
    rounds = unlearn(noisy, RewindParams(noise=0.5))
    next(rounds)
    between = copy.deepcopy(noisy.model)
    assert next(rounds) and next(rounds, None) is None
    apart = torch.cat(
        [(a - b).flatten() for a, b in zip(noisy.model.parameters(), plain.model.parameters(), strict=True)]
    )
    assert apart.std().item() == pytest.approx(0.5, rel=0.15) and abs(apart.mean().item()) < 0.1
    assert not torch.equal(next(between.parameters()), next(noisy.model.parameters()))


def test_where_nothing_is_kept_it_says_what_to_ask_for() -> None:
    with pytest.raises(BadInput, match="keep_every"):
        next(unlearn(context_of(rounds=1), RewindParams()))
