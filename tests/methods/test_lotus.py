"""LoTUS: Gumbel draws, temperature, targets, and when it ends."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from cu_core.base.errors import DatasetError
from cu_core.methods.lotus import LotusParams, accuracy, gumbel, targets, unlearn
from cu_core.methods.mixed import mixed_epoch
from tests.methods.plain import assert_same
from tests.methods.small import context_of


def test_noise_is_gumbels() -> None:
    drawn = gumbel((100_000,), torch.Generator().manual_seed(0)).numpy()
    assert np.isfinite(drawn).all()
    assert drawn.mean() == pytest.approx(np.euler_gamma, abs=0.02)
    assert drawn.var() == pytest.approx(math.pi**2 / 6, rel=0.02)


def test_hard_draws_have_the_probabilities_of_the_softmax() -> None:
    logits = torch.tensor([2.0, 0.0, -1.0])
    many = logits.expand(50_000, 3)
    found = targets(many, gumbel((50_000, 3), torch.Generator().manual_seed(0)), torch.zeros(50_000, dtype=bool), 5.0)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert found.mean(0).numpy() == pytest.approx((logits.exp() / logits.exp().sum()).numpy(), abs=0.01)


def test_soft_draws_flatten_with_the_temperature() -> None:
    logits, noise = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([[0.5, 0.1, -0.3]])
    soft = torch.ones(1, dtype=bool)
    scores = np.array([2.5, 0.1, -1.3]) / 3
    assert targets(logits, noise, soft, 3.0)[0].numpy() == pytest.approx(
        np.exp(scores) / np.exp(scores).sum(), rel=1e-5
    )
    assert targets(logits, noise, soft, math.exp(100))[0].numpy() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("task", ["class", "sample"])
def test_steps_are_those_of_adamw_towards_the_draws(task: str) -> None:
    context, mirror = (context_of(forget=12, retain=18, unseen=12, rounds=2, task=task) for _ in range(2))
    params = LotusParams(lr=0.01, alpha=2.0, margin=1.0, batch_size=64, weight_decay=0.1)
    told = list(unlearn(context, params))
    model, teacher = copy.deepcopy(mirror.model).train(), copy.deepcopy(mirror.model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)

    def share(net: torch.nn.Module, indices: torch.Tensor) -> float:
        x, y = mirror.forget.source.take(indices)
        with torch.no_grad():
            return float((net(x).argmax(1) == y).double().mean())

    unseen = share(teacher, mirror.unseen.indices)
    for numbers in told:
        left = share(model, mirror.forget.indices)
        temperature = math.exp(2.0 * (left - (0.0 if task == "class" else unseen)))
        ((x, _, index, to_forget),) = mixed_epoch(mirror, 64, 1.0)
        assert set(index.tolist()) == set(range(30))
        noise = -torch.empty(30, 3).exponential_(generator=mirror.generator).log()
        with torch.no_grad():
            scores = teacher(x) + noise
        soft = (scores / temperature).exp() / (scores / temperature).exp().sum(1, keepdim=True)
        hard = (scores == scores.max(1, keepdim=True).values).float()
        target = torch.where(to_forget[:, None], soft, hard)
        logits = model(x)
        loss = -(target * (logits - logits.logsumexp(1, keepdim=True))).sum(1).mean()
        assert numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-4)
        assert numbers["temperature"] == pytest.approx(temperature, rel=1e-5)
        assert numbers["forget_accuracy"] == pytest.approx(left) and numbers["unseen_accuracy"] == pytest.approx(unseen)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert len(told) == 2
    assert_same(context.model, model, tolerance=1e-4)


def answer_always(context, label: int) -> None:
    with torch.no_grad():
        context.model.head.weight.zero_()
        context.model.head.bias.zero_()
        context.model.head.bias[label] = 1.0


def test_ends_before_a_round_in_which_the_forget_set_is_no_better_known() -> None:
    """Of classes 0, 1, 2 in turn the model names 1 alone: 3 of 10 forget samples, 4 of 11 unseen ones are right."""
    context = context_of(forget=10, retain=20, unseen=11, rounds=3)
    answer_always(context, 1)
    right = accuracy(context, context.model, context.forget), accuracy(context, context.model, context.unseen)
    labels = [context.forget.source.labels[s.indices] for s in (context.forget, context.unseen)]
    assert right == tuple(pytest.approx(float((y == 1).double().mean())) for y in labels)
    gap = right[1] - right[0]
    assert gap > 0.01
    assert not list(unlearn(context, LotusParams(margin=gap - 1e-6)))
    assert next(unlearn(context, LotusParams(margin=gap + 1e-3)))
    # A class is to be known not at all, so this one is not done.
    forgotten = context_of(forget=10, retain=20, unseen=11, rounds=3, task="class")
    answer_always(forgotten, 1)
    assert next(unlearn(forgotten, LotusParams()))["temperature"] == 1.0


def test_needs_unseen_samples() -> None:
    with pytest.raises(DatasetError, match="unseen"):
        next(unlearn(context_of(), LotusParams()))
