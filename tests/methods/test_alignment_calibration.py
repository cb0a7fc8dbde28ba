"""Alignment calibration: partners, the cosine of forget views, and what steps do to them."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cu_core.learning.network import Network
from cu_core.methods.alignment_calibration import AlignmentCalibrationParams, _partners, unlearn
from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch
from tests.methods.plain import PlainSgd, assert_same
from tests.methods.small import Spread, context_of


class Pairs(Spread):
    """A made-up loss of pairs; views are shifted by noise."""

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> list[Tensor]:
        return [images + 0.1 * torch.randn(images.shape, generator=generator) for _ in range(count)]

    def pairs(self, model: Network, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        a, b, c = (model.outputs(view).raw for view in (first, second, third))
        return (a - b).square().mean(), F.cosine_similarity(a, c)


def pair_context(**named) -> Context:
    context = context_of(encoder=True, **named)
    context.objective = Pairs()
    return context


@pytest.mark.parametrize("partner", ["other", "own"])
@pytest.mark.parametrize("task", ["class", "sample"])
def test_steps_pull_towards_partners_and_push_views_of_forget_images_apart(task: str, partner: str) -> None:
    context, mirror = (pair_context(forget=10, retain=20, rounds=2, task=task) for _ in range(2))
    params = AlignmentCalibrationParams(lr=0.1, alpha=2.0, partner=partner, batch_size=64, weight_decay=0.1)
    told = list(unlearn(context, params))
    model = copy.deepcopy(mirror.model).train()
    sgd = PlainSgd(model, 0.1, 0.9, 0.1)
    objective = mirror.objective
    for numbers in told:
        ((x, _, index, to_forget),) = mixed_epoch(mirror, 64, 1.0)
        assert set(index.tolist()) == set(range(30))
        other = x
        if partner == "other":
            n = len(mirror.forget)
            drawn = mirror.forget.indices[torch.randint(n, (n,), generator=mirror.generator)]
            other = x.clone()
            other[to_forget] = mirror.forget.source.take(drawn)[0]
        first, third = objective.views(x, 2, mirror.generator)
        (second,) = objective.views(other, 1, mirror.generator)
        a, b, c = (model.outputs(view).raw for view in (first, second, third))
        alike = ((a * c).sum(1) / (a.norm(dim=1) * c.norm(dim=1)))[to_forget].mean()
        loss = ((a - b) ** 2).mean()
        assert numbers["training_loss"] == pytest.approx(float(loss.detach()), rel=1e-4)
        assert numbers["forget_alignment"] == pytest.approx(float(alike.detach()), rel=1e-4)
        sgd.step(loss + 2.0 * alike)
    assert_same(context.model, model)
    assert context.objective.steps == 2, "a slow copy would have followed"


def test_partners_are_forget_images_and_retain_images_stay() -> None:
    context = pair_context(forget=6, retain=10)
    x, _ = context.forget.source.take(torch.arange(16))
    to_forget = torch.arange(16) < 6
    changed = _partners(context, x, to_forget)
    assert torch.equal(changed[6:], x[6:]) and not torch.equal(changed[:6], x[:6])
    assert all(any(torch.equal(one, own) for own in x[:6]) for one in changed[:6])
    assert _partners(context, x[6:], to_forget[6:]) is not None


def test_a_batch_without_forget_samples_is_a_step_of_training() -> None:
    context = pair_context(forget=1, retain=29)
    told = list(unlearn(context, AlignmentCalibrationParams(batch_size=10)))
    assert context.objective.steps == 3 and -1 <= told[0]["forget_alignment"] <= 1
