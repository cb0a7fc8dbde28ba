"""SCRUB and its rewinding: steps, teacher, errors, the round that is gone back to."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cu_core.base.errors import DatasetError
from cu_core.methods.context import Context
from cu_core.methods.scrub import Checkpoints, ScrubParams, error_of, unlearn, unlearn_and_rewind
from tests.methods.small import context_of

T = 3.0
PARAMS = ScrubParams(
    lr=0.2, gamma=0.7, alpha=0.3, msteps=2, temperature=T, forget_batch=16, retain_batch=32, momentum=0.0
)


def distance(student: Tensor, teacher: Tensor) -> Tensor:
    """T² Σ p (log p - log q), written out."""
    p, q = (torch.exp(logits / T) / torch.exp(logits / T).sum(1, keepdim=True) for logits in (teacher, student))
    return T**2 * (p * (p / q).log()).sum(1).mean()


def descend(model: nn.Module, loss: Tensor) -> None:
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    with torch.no_grad():
        for p, g in zip(model.parameters(), gradients, strict=True):
            p -= PARAMS.lr * (g + PARAMS.weight_decay * p)


@pytest.mark.parametrize("task", ["class", "sample"])
def test_walks_away_on_forget_samples_first_and_then_repairs(task: str) -> None:
    """Three rounds of one batch each, the third without ascent."""
    context, mirror = (context_of(forget=10, retain=20, rounds=3, task=task) for _ in range(2))
    model, teacher = (copy.deepcopy(context.model) for _ in range(2))
    with torch.no_grad():  # identical answers have no slope to start from
        for m in (context.model, model):
            m.head.bias += torch.tensor([0.5, 0.0, -0.5])
    rounds = unlearn(context, PARAMS)
    context.saved["teacher"] = teacher.state_dict()
    for number, told in enumerate(rounds, start=1):
        if number <= PARAMS.msteps:
            ((x, _, _),) = mirror.forget.epoch(16)
            away = distance(model(x), teacher(x))
            assert told["forget_distance"] == pytest.approx(float(away), rel=1e-4)
            descend(model, -away)
        else:
            assert "forget_distance" not in told
        ((x, y, _),) = mirror.retain.epoch(32)
        logits = model(x)
        cross_entropy = (logits.logsumexp(1) - logits[torch.arange(len(y)), y]).mean()
        near = distance(logits, teacher(x))
        assert told["retain_distance"] == pytest.approx(float(near), rel=1e-4)
        assert told["retain_loss"] == pytest.approx(float(cross_entropy), rel=1e-4)
        descend(model, PARAMS.gamma * cross_entropy + PARAMS.alpha * near)
    for ours, theirs in zip(context.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_released_learning_rate_falls_behind_rounds_3_5_and_9() -> None:
    """Retain samples alone, in one batch: twelve steps of plain gradient descent, their sizes written out."""
    params = ScrubParams(
        lr=0.2, gamma=1.0, alpha=0.0, msteps=1, retain_batch=64, momentum=0.0, weight_decay=0.0, schedule="released"
    )
    context, mirror = (context_of(forget=4, retain=20, rounds=12, first_round=2) for _ in range(2))
    context.saved["teacher"] = context.model.state_dict()
    model = copy.deepcopy(mirror.model)
    list(unlearn(context, params))
    x, y = mirror.retain.source.take(mirror.retain.indices)
    for number in range(2, 13):
        rate = 0.2 if number <= 3 else 0.02 if number <= 5 else 0.002 if number <= 9 else 0.0002
        gradients = torch.autograd.grad(nn.functional.cross_entropy(model(x), y), list(model.parameters()))
        with torch.no_grad():
            for p, g in zip(model.parameters(), gradients, strict=True):
                p -= rate * g
    for ours, theirs in zip(context.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_teacher_stays_the_base_model() -> None:
    context = context_of(rounds=3, batch_norm=True)
    before = copy.deepcopy(context.model.state_dict())
    list(unlearn(context, PARAMS))
    kept = context.kept["teacher"]
    assert all(torch.equal(kept.state_dict()[name], value) for name, value in before.items())
    assert not kept.training and not any(p.requires_grad for p in kept.parameters())


def labelled(context: Context) -> None:
    """Makes answers easy to know: the model says class 0 everywhere."""
    with torch.no_grad():
        context.model.head.weight.zero_()
        context.model.head.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))


def test_error_has_the_wanted_mix_of_classes() -> None:
    context = context_of(forget=10, retain=20, unseen=11)
    labelled(context)
    assert error_of(context, context.unseen, torch.tensor([3, 1])) == pytest.approx(0.25)
    assert error_of(context, context.unseen, torch.tensor([1, 1, 2])) == pytest.approx(0.75)
    assert error_of(context, context.unseen, torch.tensor([5])) == 0.0
    with pytest.raises(DatasetError):
        error_of(context, context.unseen, torch.tensor([0]))


def test_nearest_round_is_the_earliest_of_equals() -> None:
    stored = Checkpoints()
    for error in (0.1, 0.4, 0.8, 0.4):
        stored.add({"w": torch.tensor([error])}, error)
    assert [stored.nearest(e) for e in (0.0, 0.3, 0.5, 0.7)] == [0, 1, 1, 2]
    again = Checkpoints()
    again.load_state_dict(stored.state_dict())
    assert again.errors == stored.errors and len(again.weights) == 4


@pytest.mark.parametrize("task", ["class", "sample"])
def test_rewinds_to_the_round_with_the_fitting_error(task: str) -> None:
    """Plain SCRUB is run beside it; its rounds and errors are computed here, with NumPy."""
    made = {"forget": 12, "retain": 24, "unseen": 18, "rounds": 4, "task": task}
    params = ScrubParams(lr=0.5, msteps=4, forget_batch=4, retain_batch=12)
    plain, rewound = context_of(**made), context_of(**made)

    def missed(indices: Tensor) -> tuple[np.ndarray, np.ndarray]:
        x, y = plain.forget.source.take(indices)
        with torch.no_grad():
            answers = plain.model.eval()(x)
        return (answers.argmax(1) != y).numpy(), y.numpy()

    states, errors = [], []
    for _ in unlearn(plain, params):
        states.append(copy.deepcopy(plain.model.state_dict()))
        errors.append(missed(plain.forget.indices)[0].mean())
    wrong, y = missed(plain.unseen.indices)
    forgotten = plain.forget.source.labels[plain.forget.indices].numpy()
    wanted = np.mean([wrong[y == label].mean() for label in forgotten])
    chosen = int(np.argmin(np.abs(np.array(errors) - wanted)))

    told = list(unlearn_and_rewind(rewound, params))
    assert [numbers["forget_error"] for numbers in told] == pytest.approx(errors)
    assert told[-1]["reference_error"] == pytest.approx(wanted)
    assert told[-1]["rewound_to"] == chosen + 1
    assert all("rewound_to" not in numbers for numbers in told[:-1])
    assert chosen < 3, "a case in which nothing is rewound shows nothing"
    state = rewound.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in states[chosen].items())


def test_needs_unseen_samples() -> None:
    with pytest.raises(DatasetError, match="unseen"):
        next(unlearn_and_rewind(context_of(), PARAMS))
