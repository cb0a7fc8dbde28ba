"""AMUN: nearest adversarial examples against the closed form of a linear model, and the steps on them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.base.errors import Cancelled
from cu_core.methods.amun import AmunParams, adversarial, nearest, unlearn, unlearn_alone
from cu_core.methods.context import Context
from tests.methods.plain import PlainSgd, assert_same
from tests.methods.small import context_of


class Linear(nn.Module):
    """Two classes, told apart by a plane in the space of pixels."""

    has_classes = True

    def __init__(self, context: Context, normal: Tensor, offset: float) -> None:
        super().__init__()
        self.source, self.normal, self.offset = context.forget.source, normal, offset

    def forward(self, x: Tensor) -> Tensor:
        side = (x * self.source.std + self.source.mean).flatten(1) @ self.normal - self.offset
        return torch.stack([side, -side], 1)


def test_examples_of_a_linear_model_lie_just_behind_the_plane() -> None:
    context = context_of(forget=10)
    normal = F.normalize(torch.randn(16, generator=torch.Generator().manual_seed(3)), dim=0)
    # Far from the borders of the pixels' range, so that nothing is cut off.
    pixels = 0.5 + 0.02 * torch.randn(12, 1, 4, 4, generator=torch.Generator().manual_seed(4))
    context.model = Linear(context, normal, float(0.5 * normal.sum()))
    distance = (pixels.flatten(1) @ normal - context.model.offset).abs()
    labels = (pixels.flatten(1) @ normal < context.model.offset).long()
    params = AmunParams(radius=0.001, attack_steps=50)
    found, wrong = nearest(context, pixels, labels, params)
    assert torch.equal(wrong, 1 - labels)
    moved = (found - pixels).flatten(1)
    # Straight to the plane, and past it by no more than a step, which is a tenth of a radius below twice the distance.
    assert (moved.norm(dim=1) >= distance - 1e-6).all() and (moved.norm(dim=1) <= 1.25 * distance + 1e-4).all()
    assert F.cosine_similarity(moved, normal.expand(12, 16)).abs().numpy() == pytest.approx(np.ones(12), abs=1e-3)


def test_samples_that_are_mistaken_already_stay() -> None:
    context = context_of(forget=10)
    normal = torch.ones(16) / 4
    context.model = Linear(context, normal, 2.0)
    pixels = torch.full((3, 1, 4, 4), 0.6)
    found, wrong = nearest(context, pixels, torch.ones(3, dtype=torch.int64), AmunParams())
    assert torch.equal(found, pixels) and wrong.tolist() == [0, 0, 0]


def test_samples_that_nothing_fools_end_with_the_runner_up() -> None:
    context = context_of(forget=10)

    class Sure(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :3] * 0 + torch.tensor([5.0, 1.0, 2.0])

    context.model = Sure()
    found, wrong = nearest(
        context, torch.rand(2, 1, 4, 4), torch.tensor([0, 0]), AmunParams(radius=1.0, attack_steps=2)
    )
    assert wrong.tolist() == [2, 2] and 0 <= float(found.min()) <= float(found.max()) <= 1


def test_examples_are_pixels_that_the_model_mistakes() -> None:
    context = context_of(forget=12, batch_norm=True)
    made = adversarial(context, AmunParams(batch_size=5))
    source = context.forget.source
    pixels = made["images"] * source.std + source.mean
    assert float(pixels.min()) >= -1e-5 and float(pixels.max()) <= 1 + 1e-5
    x, y = source.take(context.forget.indices)
    with torch.no_grad():
        answers = context.model.eval()(made["images"]).argmax(1)
    # One of the images is at home so far from the others that no change of its pixels fools this network.
    assert (answers != y).sum() >= 11 and torch.equal(answers[answers != y], made["labels"][answers != y])
    assert (made["labels"] != y).all()
    own = (pixels - (x * source.std + source.mean)).flatten(1).norm(dim=1)
    assert made["distances"].numpy() == pytest.approx(own.numpy(), abs=1e-5)
    assert context.forget.images_drawn == 12


@pytest.mark.parametrize("mixture", ["retain", "retain and forget", "alone", "alone and forget"])
def test_steps_are_those_on_all_samples_mixed(mixture: str) -> None:
    """Batches of all samples at once, so that their order does not matter."""
    context, mirror = (context_of(forget=8, retain=20, rounds=3) for _ in range(2))
    too, alone = mixture.endswith("forget"), mixture.startswith("alone")
    params = AmunParams(lr=0.2, falls=2, forget_too=too, batch_size=100, weight_decay=0.1)
    told = list((unlearn_alone if alone else unlearn)(context, params))
    made = adversarial(mirror, params)
    shown = torch.cat([mirror.retain.indices[: 0 if alone else None], mirror.forget.indices[: None if too else 0]])
    x, y = mirror.forget.source.take(shown)
    x, y = torch.cat([x, made["images"]]), torch.cat([y, made["labels"]])
    model = copy.deepcopy(mirror.model).train()
    sgd = PlainSgd(model, 0.2, 0.9, 0.1)
    for number, numbers in enumerate(told):
        sgd.lr = 0.2 if number < 2 else 0.02
        loss = F.cross_entropy(model(x), y)
        assert numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-4)
        sgd.step(loss)
    assert_same(context.model, model)
    assert context.retain.images_drawn == (0 if alone else 60)


def test_every_sample_is_shown_once_and_none_alone() -> None:
    """9 retain, 4 forget samples and 4 examples in batches of 4: the 17th joins the batch before it."""
    context = context_of(forget=4, retain=9)
    sizes: list[int] = []
    forward = context.model.forward
    context.model.forward = lambda x: (sizes.append(len(x)), forward(x))[1] if context.model.training else forward(x)
    context.model.train()
    list(unlearn(context, AmunParams(batch_size=4, forget_too=True)))
    assert sizes == [4, 4, 4, 5]


def test_the_attack_can_be_stopped() -> None:
    def refuse() -> None:
        raise Cancelled("asked to stop")

    with pytest.raises(Cancelled):
        next(unlearn(context_of(check=refuse), AmunParams()))
