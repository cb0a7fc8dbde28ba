"""Gradient ascent and NegGrad+ beside a plain statement of their steps."""

from __future__ import annotations

import math

import pytest
import torch.nn.functional as F

from cu_core.methods.ascent import GradientAscentParams, NegGradPlusParams, unlearn, unlearn_plus
from tests.methods.plain import PlainSgd, assert_same, twin
from tests.methods.small import context_of


@pytest.mark.parametrize("encoder", [False, True], ids=["classifier", "encoder"])
@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_ascent_goes_up_the_loss_of_forget_samples_no_further_than_the_clip(clip: float, encoder: bool) -> None:
    context, mirror = (context_of(rounds=2, encoder=encoder) for _ in range(2))
    model = twin(mirror)
    sgd = PlainSgd(model, lr=0.3, momentum=0.5, weight_decay=0.01, clip=clip)
    told = list(
        unlearn(context, GradientAscentParams(lr=0.3, momentum=0.5, weight_decay=0.01, batch_size=5, clip=clip))
    )
    for numbers in told:
        losses, norms = [], []
        for x, y, _ in mirror.forget.epoch(5):
            loss = mirror.objective(model, x, y, mirror.generator) if encoder else F.cross_entropy(model(x), y)
            losses.append(float(loss.detach()))
            norms.append(sgd.step(-loss))
        assert numbers["forget_loss"] == pytest.approx(sum(losses) / 2, rel=1e-4)
        assert numbers["loss"] == -numbers["forget_loss"]
        assert numbers["gradient_norm"] == pytest.approx(sum(norms) / 2, rel=1e-4)
        assert not clip or min(norms) > clip, "nothing was clipped"
    assert told[1]["forget_loss"] > told[0]["forget_loss"]
    assert_same(context.model, model)
    assert context.retain.images_drawn == 0


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_ascent_leaves_batch_norm_alone_unless_asked_and_takes_a_single_sample(mode: str) -> None:
    for forget, moves in ((10, mode == "train"), (1, False)):
        context = context_of(forget=forget, batch_norm=True)
        before = context.model.trunk.rest[0].running_mean.clone()
        (told,) = unlearn(context, GradientAscentParams(batch_norm=mode))
        assert math.isfinite(told["loss"])
        assert bool((context.model.trunk.rest[0].running_mean != before).any()) == moves


@pytest.mark.parametrize("encoder", [False, True], ids=["classifier", "encoder"])
def test_neggrad_plus_steps_down_the_weighted_difference_and_cycles_the_forget_set(encoder: bool) -> None:
    context, mirror = (context_of(forget=6, retain=30, rounds=2, encoder=encoder) for _ in range(2))
    model = twin(mirror)
    sgd = PlainSgd(model, lr=0.1, momentum=0.9, weight_decay=0.02)
    params = NegGradPlusParams(alpha=0.7, lr=0.1, momentum=0.9, weight_decay=0.02, batch_size=8)
    told = list(unlearn_plus(context, params))

    def loss_of(x, y):
        return mirror.objective(model, x, y, mirror.generator) if encoder else F.cross_entropy(model(x), y)

    for numbers in told:
        seen = []
        for x, y, _ in mirror.retain.epoch(8):
            ((x_forget, y_forget, _),) = mirror.forget.epoch(8)
            kept, climbed = loss_of(x, y), loss_of(x_forget, y_forget)
            loss = 0.7 * kept - (1 - 0.7) * climbed
            seen.append([float(v.detach()) for v in (loss, kept, climbed)])
            sgd.step(loss)
        means = [sum(column) / len(seen) for column in zip(*seen, strict=True)]
        assert [numbers[n] for n in ("loss", "retain_loss", "forget_loss")] == pytest.approx(means, rel=1e-4)
    assert_same(context.model, model)
    assert context.retain.images_drawn == 60 and context.forget.images_drawn == 8 * 6


def test_neggrad_plus_with_alpha_1_never_minds_the_forget_samples() -> None:
    ends = []
    for scale in (1.0, 5.0):
        context = context_of()
        take = context.forget._batch
        context.forget._batch = lambda index, take=take, scale=scale: (scale * take(index)[0], *take(index)[1:])
        list(unlearn_plus(context, NegGradPlusParams(alpha=1.0, batch_size=16)))
        ends.append(context.model)
    assert_same(*ends, tolerance=0)
