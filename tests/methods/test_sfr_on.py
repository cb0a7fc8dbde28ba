"""SFR-on: weights of forget samples, the mask, and the order of steps."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.methods.sfr_on import SfrOnParams, balanced, salient, unlearn
from tests.methods.plain import assert_same
from tests.methods.small import context_of


@pytest.mark.parametrize("power", [0.0, 0.5, 2.0])
def test_samples_that_are_forgotten_already_count_less(power: float) -> None:
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float32).requires_grad_(True)
    labels = torch.arange(7) % 4
    found = balanced(logits, labels, power)
    (slope,) = torch.autograd.grad(found, logits)
    p = np.exp(logits.detach().numpy())
    p /= p.sum(1, keepdims=True)
    losses = -np.log(p[np.arange(7), labels])
    weights = losses**-power / (losses**-power).sum()
    assert float(found.detach()) == pytest.approx(float((weights * losses).sum()), rel=1e-5)
    # The weights have no slope: that of a cross-entropy is p - y.
    assert slope.numpy() == pytest.approx(weights[:, None] * (p - np.eye(4)[labels]), abs=1e-6)


def test_samples_without_any_loss_are_finite() -> None:
    found = balanced(torch.tensor([[200.0, 0.0], [200.0, 0.0]]), torch.tensor([0, 0]), 0.5)
    assert float(found) == 0.0


def test_the_mask_compares_importances() -> None:
    forget, retain = {"a": torch.tensor([2.0, 1.0, 0.5, 0.0])}, {"a": torch.tensor([1.0, 1.0, 1.0, 0.0])}
    assert salient(forget, retain, 1.0)["a"].tolist() == [True, True, False, True]
    assert salient(forget, retain, 2.0)["a"].tolist() == [True, False, False, False]
    assert all(salient(forget, retain, 0.0)["a"])


@pytest.mark.parametrize("slow", [1.0, 0.4])
@pytest.mark.parametrize("task", ["class", "sample"])
def test_steps_are_masked_clipped_and_fade(task: str, slow: float) -> None:
    """Two rounds of three steps on retain samples, every second one after a step of ascent."""
    context, mirror = (context_of(forget=9, retain=21, rounds=2, task=task, batch_norm=True) for _ in range(2))
    params = SfrOnParams(
        lr=0.1, alpha=3.0, every=2, balance=0.5, threshold=1.0, slow=slow, clip=0.05, momentum=0.9, weight_decay=0.1
    )
    params = SfrOnParams(**{**vars(params), "batch_size": 8})
    told = list(unlearn(context, params))

    model = copy.deepcopy(mirror.model)
    importance = []
    for split in (mirror.forget, mirror.retain):
        squares = [torch.zeros_like(p) for p in model.parameters()]
        batches = list(split.epoch(8))
        for x, y, _ in batches:
            gradients = torch.autograd.grad(F.cross_entropy(model.eval()(x), y), list(model.parameters()))
            squares = [s + g**2 / len(batches) for s, g in zip(squares, gradients, strict=True)]
        importance.append(squares)
    mask = [f >= r for f, r in zip(*importance, strict=True)]
    share = sum(int(m.sum()) for m in mask) / sum(m.numel() for m in mask)
    assert 0.1 < share < 0.9 and told[0]["salient_share"] == pytest.approx(share, abs=0.01)

    velocity = [torch.zeros_like(p) for p in model.parameters()]
    count = mirror.retain.steps(8)

    def step(gradients: list[torch.Tensor], rate: float) -> None:
        with torch.no_grad():
            for p, v, g in zip(model.parameters(), velocity, gradients, strict=True):
                v.mul_(0.9).add_(g + 0.1 * p)
                p.sub_(rate * v)

    done = 0
    model.train()
    for _ in range(2):
        forget = iter(())
        for x, y, _ in mirror.retain.epoch(8):
            fade = (1 + math.cos(math.pi * done / (2 * count))) / 2
            start = [p.detach().clone() for p in model.parameters()]
            if done % 2 == 0:
                drawn = next(forget, None)
                if drawn is None:
                    forget = mirror.forget.epoch(8)
                    drawn = next(forget)
                losses = F.cross_entropy(model(drawn[0]), drawn[1], reduction="none")
                weights = 1 / losses.detach().sqrt()
                loss = -3.0 * fade * (losses * weights).sum() / weights.sum()
                gradients = [
                    m * g for m, g in zip(mask, torch.autograd.grad(loss, list(model.parameters())), strict=True)
                ]
                norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
                step([g * min(1.0, 0.05 / norm) for g in gradients], 0.1 * fade)
            step(list(torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))), 0.1 * fade)
            with torch.no_grad():
                for p, before in zip(model.parameters(), start, strict=True):
                    p.copy_(slow * p + (1 - slow) * before)
            done += 1
    assert_same(context.model, model, tolerance=2e-5)
