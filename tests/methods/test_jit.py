"""JiT beside its loss sample by sample, and the released code's gradients that add up."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from cu_core.methods.jit import JitParams, noisy, quotient, unlearn
from tests.methods.plain import assert_same, twin
from tests.methods.small import FP16, context_of


def loss_of(model: torch.nn.Module, x: torch.Tensor, noised: list[torch.Tensor], released: bool) -> torch.Tensor:
    """Over copies and samples, one by one: the change of the outputs over that of the image."""
    parts = []
    outputs = model(x)
    for other in noised:
        with torch.no_grad():
            answers = model(other)
        for a, b, before, after in zip(outputs, answers, x, other, strict=True):
            change = float(np.linalg.norm((before - after).numpy().ravel()))
            parts.append((a - b).square().sum().sqrt() / change)
    return torch.stack(parts).sum() / (len(noised) * (1 if released else len(x)))


@pytest.mark.parametrize("form", ["mean", "released"])
def test_steps_follow_the_quotients(form: str) -> None:
    context, mirror = (context_of(forget=11, rounds=2, batch_norm=True) for _ in range(2))
    model = twin(mirror).eval()
    params = JitParams(lr=0.05, batch_size=4, noise=0.3, copies=3, form=form, batch_norm="eval")
    for told in unlearn(context, params):
        sums = [torch.zeros_like(p) for p in model.parameters()]
        losses = []
        for x, _, _ in mirror.forget.epoch(4):
            noised = []
            for _ in range(3):
                noise = torch.randn(x.shape, generator=mirror.generator)
                noised.append(torch.minimum(torch.maximum(x + 0.3 * noise, x.min()), x.max()))
            loss = loss_of(model, x, noised, form == "released")
            losses.append(float(loss.detach()))
            with torch.no_grad():
                for p, total, g in zip(
                    model.parameters(), sums, torch.autograd.grad(loss, model.parameters()), strict=True
                ):
                    # Gradients that nobody puts back to zero within a pass.
                    total.copy_(total + g if form == "released" else g)
                    p.sub_(0.05 * total)
        assert told["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert_same(context.model, model, tolerance=1e-4)
    assert context.retain.images_drawn == 0


def test_noise_has_its_deviation_and_stays_in_range() -> None:
    x = torch.zeros(50, 1, 20, 20)
    x[0, 0, 0, 0], x[1, 0, 0, 0] = -1.0, 4.0
    noised = noisy(x, 0.5, torch.Generator().manual_seed(0))
    assert noised.min() == -1 and noised.max() < 4
    inner = noised[(noised > -1) & (x == 0)]
    drawn = np.random.default_rng(0).normal(0, 0.5, 200_000)
    assert float(inner.std()) == pytest.approx(drawn[drawn > -1].std(), rel=0.03)


def test_a_constant_image_has_no_quotient_and_breaks_nothing() -> None:
    context = context_of(forget=1, rounds=2)
    x = torch.full((1, 1, 4, 4), 0.5)
    noised = noisy(x, 1.0, context.generator)
    outputs = context.model(x)
    value = quotient(outputs, context.model(noised).detach(), x, noised)
    assert torch.equal(noised, x) and float(value.detach()) == 0
    gradients = torch.autograd.grad(value.sum(), list(context.model.parameters()))
    assert all((g == 0).all() for g in gradients)


@pytest.mark.parametrize("named", [{"forget": 1}, {"forget": 9, "precision": FP16}], ids=["one sample", "fp16"])
def test_the_neighbourhood_grows_flat(named: dict) -> None:
    context = context_of(rounds=10, batch_norm=True, **named)
    start = copy.deepcopy(context.model.state_dict())
    told = list(unlearn(context, JitParams(lr=0.3, noise=0.5, copies=4)))
    assert told[-1]["quotient"] < 0.7 * told[0]["quotient"]
    assert any(not torch.equal(value, start[name]) for name, value in context.model.state_dict().items())
