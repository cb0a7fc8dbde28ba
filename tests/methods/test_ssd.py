"""Selective synaptic dampening beside loops over single samples and the formula in NumPy."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.methods import importance, ssd
from cu_core.methods.importance import mean_squared_gradients
from cu_core.methods.ssd import SsdParams, dampening, unlearn
from tests.methods.small import context_of


def squares(model, x, y, size):
    """Mean over groups of samples of the squared gradient of a group's mean loss, by plain backward passes."""
    model = copy.deepcopy(model).eval()
    total = {name: np.zeros(p.shape) for name, p in model.named_parameters()}
    groups = range(0, len(x), size)
    for start in groups:
        model.zero_grad()
        F.cross_entropy(model(x[start : start + size]), y[start : start + size]).backward()
        for name, p in model.named_parameters():
            total[name] += p.grad.double().numpy() ** 2 / len(groups)
    return total


@pytest.mark.parametrize("numbers", [2**26, 300], ids=["one go", "in parts"])
@pytest.mark.parametrize(("gradient_of", "size"), [("sample", 1), ("batch", 5)])
def test_importances_are_mean_squared_gradients(gradient_of, size, numbers, monkeypatch) -> None:
    monkeypatch.setattr(importance, "_NUMBERS", numbers)
    context = context_of(forget=10, batch_norm=True)
    context.model.train()
    statistics = context.model.trunk.rest[0].running_mean.clone()
    batches = [(x, y) for x, y, _ in context.forget.epoch(5, shuffle=False)]
    found = mean_squared_gradients(context, batches, gradient_of)
    want = squares(context.model, *context.forget.source.take(context.forget.indices), size)
    for name, value in found.items():
        assert value.numpy() == pytest.approx(want[name], rel=1e-4, abs=1e-9), name
    assert torch.equal(context.model.trunk.rest[0].running_mean, statistics)


def test_dampening_by_hand() -> None:
    of_forget = torch.tensor([5.0, 20.0, 21.0, 100.0, 0.0, 3.0])
    of_all = torch.tensor([2.0, 2.0, 2.0, 1.0, 0.0, 0.0])
    factor, chosen = dampening(of_forget, of_all, 10.0, 1.0)
    assert chosen.tolist() == [False, False, True, True, False, True]
    assert factor.tolist() == pytest.approx([1, 1, 2 / 21, 0.01, 1, 0])
    stronger, _ = dampening(of_forget, of_all, 10.0, 50.0)
    assert stronger.tolist() == pytest.approx([1, 1, 1, 0.5, 1, 0]), "weights never grow"


@pytest.mark.parametrize("strength", [1.0, 0.3])
def test_weights_that_matter_for_forget_samples_shrink_and_nothing_else_changes(strength: float) -> None:
    context = context_of(forget=10, retain=30, batch_norm=True, task="class")
    start = copy.deepcopy(context.model)
    (told,) = unlearn(context, SsdParams(alpha=1.5, dampening=strength, gradient_of="sample", batch_size=7))
    source = context.forget.source
    of_forget = squares(start, *source.take(context.forget.indices), 1)
    of_all = squares(start, *source.take(torch.arange(40)), 1)
    chosen = 0
    for name, value in start.named_parameters():
        hit = of_forget[name] > 1.5 * of_all[name]
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.where(hit, np.minimum(strength * of_all[name] / of_forget[name], 1), 1)
        assert context.model.get_parameter(name).detach().numpy() == pytest.approx(
            value.detach().numpy() * factor, rel=1e-4, abs=1e-8
        )
        chosen += hit.sum()
    assert 0 < chosen < sum(p.numel() for p in start.parameters())
    assert told["dampened_share"] == pytest.approx(chosen / sum(p.numel() for p in start.parameters()))
    assert 0 < told["factor"] < 1
    buffers = dict(start.named_buffers())
    assert all(torch.equal(value, buffers[name]) for name, value in context.model.named_buffers())


def test_importances_for_all_samples_come_from_mixed_batches(monkeypatch) -> None:
    seen = []

    def watched(context, batches, gradient_of):
        seen.append([y.tolist() for _, y in batches])
        return {name: torch.ones_like(p) for name, p in context.model.named_parameters()}

    monkeypatch.setattr(ssd, "mean_squared_gradients", watched)
    context = context_of(task="class")
    list(unlearn(context, SsdParams(batch_size=10)))
    of_all, of_forget = seen
    assert sorted(sum(of_all, [])) == sorted(context.forget.source.labels.tolist())
    assert all(0 < labels.count(0) < len(labels) for labels in of_all)
    assert sum(of_forget, []) == [0] * len(context.forget)


def test_an_alpha_out_of_reach_changes_nothing() -> None:
    context = context_of()
    start = copy.deepcopy(context.model.state_dict())
    assert list(unlearn(context, SsdParams(alpha=5.0, gradient_of="sample"))) == [
        {"dampened_share": 0.0, "factor": 1.0}
    ]
    assert all(torch.equal(value, start[name]) for name, value in context.model.state_dict().items())
