"""SalUn: which weights count as salient, that the others never move, and the steps of those that do."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.random_label import relabelled
from cu_core.methods.salun import SalunParams, forget_gradients, salient, unlearn
from tests.methods.small import context_of


def test_gradients_are_the_sum_over_all_forget_samples_whatever_the_batches() -> None:
    context = context_of(forget=10, batch_norm=True)
    context.model.train()
    model = copy.deepcopy(context.model).eval()
    x, y = context.forget.source.take(context.forget.indices)
    step = 1e-3
    for batch_size in (4, 99):
        found = forget_gradients(context, batch_size)
        for name, value in model.named_parameters():
            with torch.no_grad():
                direction = torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
                sums = []
                for sign in (1, -1):
                    value.add_(sign * step * direction)
                    sums.append(F.cross_entropy(model(x).double(), y, reduction="sum").item())
                    value.sub_(sign * step * direction)
            slope = (sums[0] - sums[1]) / (2 * step)
            assert (found[name] * direction).sum().item() == pytest.approx(slope, rel=2e-2, abs=2e-2)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_salient_are_the_largest_over_all_tensors_together(share: float) -> None:
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(size=(4, 5)), "b": 10 * rng.normal(size=7), "c": 0.1 * rng.normal(size=(3,))}
    mask = salient({name: torch.from_numpy(value) for name, value in values.items()}, share)
    sizes = np.sort(np.abs(np.concatenate([v.ravel() for v in values.values()])))[::-1]
    threshold = sizes[round(share * 30) - 1]
    for name, value in values.items():
        assert (mask[name].numpy() == (np.abs(value) >= threshold)).all()


def test_ties_do_not_change_the_share() -> None:
    mask = salient({"a": torch.zeros(10), "b": torch.zeros(10)}, 0.25)
    assert sum(int(part.sum()) for part in mask.values()) == 5


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_frozen_weights_stay_bit_for_bit_and_the_others_take_the_masked_steps(mode: str) -> None:
    context, mirror = (context_of(forget=12, rounds=3, batch_norm=True) for _ in range(2))
    start = copy.deepcopy(context.model.state_dict())
    params = SalunParams(
        lr=0.1, momentum=0.9, weight_decay=0.1, batch_size=10, saliency=0.3, retain_share=0.5, batch_norm=mode
    )
    list(unlearn(context, params))
    mask = salient(forget_gradients(mirror, 10), 0.3)
    labels = relabelled(mirror)
    model = copy.deepcopy(mirror.model)
    velocity = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for _ in range(3):
        for x, _, index, _ in mixed_epoch(mirror, 10, 0.5):
            model.train()
            model.trunk.rest[0].train(mode == "train")
            loss = F.cross_entropy(model(x), labels[index])
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for (name, value), gradient in zip(model.named_parameters(), gradients, strict=True):
                    velocity[name] = 0.9 * velocity[name] + mask[name] * (gradient + 0.1 * value)
                    value.sub_(0.1 * velocity[name])
    frozen = moved = 0
    for name, value in context.model.named_parameters():
        assert value.detach().numpy() == pytest.approx(model.state_dict()[name].numpy(), abs=1e-5)
        assert torch.equal(value[~mask[name]], start[name][~mask[name]]), name
        frozen += int((~mask[name]).sum())
        moved += int((value != start[name]).sum())
    total = sum(p.numel() for p in model.parameters())
    assert frozen == total - round(0.3 * total) and moved > 0.2 * total
    buffers = [torch.equal(value, start[name]) for name, value in context.model.named_buffers()]
    assert all(buffers) == (mode == "eval")


def test_released_mask_adds_up_means_of_batches() -> None:
    """Seven samples in batches of four: the three of the last one weigh a third each, the others a quarter."""
    context, mirror = (context_of(forget=7, batch_norm=True) for _ in range(2))
    found = forget_gradients(context, 4, "released")
    model = mirror.model.eval()
    order = mirror.forget.indices[torch.randperm(7, generator=mirror.generator)]
    wanted = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for place, index in enumerate(order):
        x, y = mirror.forget.source.take(index[None])
        own = torch.autograd.grad(-model(x).log_softmax(1)[0, y[0]], list(model.parameters()))
        for total, gradient in zip(wanted.values(), own, strict=True):
            total += gradient / (4 if place < 4 else 3)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)
    even = forget_gradients(mirror, 4)
    assert any(not torch.allclose(even[name] / 7, value / 2, rtol=1e-2) for name, value in wanted.items())


def test_choices_of_the_released_code_meet_the_mask() -> None:
    """Frozen weights stay bit for bit, whatever labels, order and mask."""
    context, mirror = (context_of(forget=7, rounds=2, batch_norm=True) for _ in range(2))
    start = copy.deepcopy(context.model.state_dict())
    params = SalunParams(lr=0.1, batch_size=4, saliency=0.3, mask="released", relabelling="released", order="released")
    list(unlearn(context, params))
    mask = salient(forget_gradients(mirror, 4, "released"), 0.3)
    for name, value in context.model.named_parameters():
        assert torch.equal(value[~mask[name]], start[name][~mask[name]]), name
        assert not mask[name].any() or not torch.equal(value, start[name]), name
    assert "labels" not in context.kept, "labels that are drawn anew are not kept"
