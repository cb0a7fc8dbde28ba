"""How gradient-penalty unlearning walks: terms, steps, frozen statistics, goal, loss scaling."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.base.errors import BadInput, DatasetError
from cu_core.base.parameters import parse
from cu_core.methods import gradient_penalty as module
from cu_core.methods.context import Context
from cu_core.methods.gradient_penalty import GRADIENT_PENALTY, GRADIENT_PENALTY_MEMBERS, unlearn, unlearn_members
from cu_core.methods.gradient_penalty import GradientPenaltyMembersParams as MembersParams
from cu_core.methods.gradient_penalty import GradientPenaltyParams as Params
from tests.methods.small import FP16, context_of


def statistics(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items() if "running" in name}


def adam(lr: float) -> Iterator[Tensor]:
    """Plain Adam (Kingma & Ba, Algorithm 1) for one tensor: takes gradients, gives changes."""
    change = first = second = torch.zeros(())
    for t in range(1, 10):
        gradient = yield change
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        change = -lr * (first / (1 - 0.9**t)) / ((second / (1 - 0.999**t)).sqrt() + 1e-8)


@pytest.mark.parametrize("encoder", [False, True], ids=["classifier", "encoder"])
@pytest.mark.parametrize("method", [1, 2])
def test_steps_are_the_gradient_of_the_weighted_sum(method: int, encoder: bool) -> None:
    """Two rounds of one step each, beside a plain statement of Eq. 2 and Eq. 3."""
    context, mirror = (context_of(forget=8, rounds=2, unseen=20, encoder=encoder) for _ in range(2))
    model = copy.deepcopy(context.model)
    common = {"alpha": 0.5, "beta": 2.0, "lr": 0.01, "batch_size": 8}
    if method == 1:
        told = list(unlearn(context, Params(gamma=0.3, **common)))
    else:
        told = list(unlearn_members(context, MembersParams(**common)))
    optimizers = [adam(0.01) for _ in model.parameters()]
    for optimizer in optimizers:
        next(optimizer)
    for numbers in told:
        ((x, y, _),) = mirror.forget.epoch(8)
        answers = model.outputs(x)
        own = mirror.objective(model, x, y, mirror.generator) if encoder else F.cross_entropy(answers.logits, y)
        points = x
        if method == 1:
            others, _, _ = mirror.unseen.sample(8)
            share = torch.rand(8, 1, 1, 1, generator=mirror.generator)
            points = share * others + (1 - share) * x
        points = points.clone().requires_grad_()
        outputs = model.outputs(points)
        sums = (outputs.raw if encoder else outputs.logits).sum()
        (gradient,) = torch.autograd.grad(sums, points, create_graph=True)
        norms = gradient.flatten(1).norm(dim=1)
        want = {"member_loss": own, "penalty": (norms - 1).square().mean(), "input_gradient_norm": norms.mean()}
        loss = 0.5 * own + 2 * want["penalty"]
        if method == 1:
            want["output_norm"] = (answers.raw if encoder else answers.logits).norm(dim=1).mean()
            loss = loss + 0.3 * want["output_norm"]
        gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients if g is not None))
        want |= {"loss": loss, "gradient_norm": torch.tensor(norm)}
        assert numbers == pytest.approx({k: float(v.detach()) for k, v in want.items()}, rel=1e-3)
        with torch.no_grad():
            for p, optimizer, g in zip(model.parameters(), optimizers, gradients, strict=True):
                if g is not None:
                    p.add_(optimizer.send(g))
    for want_p, got in zip(model.parameters(), context.model.parameters(), strict=True):
        assert got.detach().numpy() == pytest.approx(want_p.detach().numpy(), abs=2e-5)
    assert context.retain.images_drawn == 0


@pytest.mark.parametrize("off", ["alpha", "beta", "gamma"])
def test_a_term_without_weight_is_not_computed(off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(unseen=20, encoder=True)
    penalties, outputs = [], []
    whole, answer = module.input_gradient, type(context.model).forward

    def penalised(*args: object, **named: object) -> Tensor:
        penalties.append(1)
        return whole(*args, **named)

    def answered(model: nn.Module, x: Tensor) -> Tensor:
        outputs.append(1)
        return answer(model, x)

    monkeypatch.setattr(module, "input_gradient", penalised)
    monkeypatch.setattr(type(context.model), "forward", answered)
    (told,) = unlearn(context, Params(**({"alpha": 1.0, "beta": 1.0, "gamma": 1.0, "batch_size": 5} | {off: 0.0})))
    calls = {"alpha": context.objective.calls, "beta": len(penalties), "gamma": len(outputs) - len(penalties)}
    assert calls == {name: 0 if name == off else 2 for name in calls}
    assert context.unseen.images_drawn == (0 if off == "beta" else 10)
    names = {"alpha": "member_loss", "beta": "penalty", "gamma": "output_norm"}
    assert {name for name in names if names[name] not in told} == {off}
    assert context.objective.steps == 2


@pytest.mark.parametrize(("batch_norm", "passes"), [("eval", 1), ("train", 2)])
def test_loss_and_penalty_on_the_same_samples_share_their_forward_pass(
    batch_norm: str, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(forget=8)
    made = []
    answer = type(context.model).forward

    def answered(model: nn.Module, x: Tensor) -> Tensor:
        made.append(1)
        return answer(model, x)

    monkeypatch.setattr(type(context.model), "forward", answered)
    next(unlearn_members(context, MembersParams(batch_size=8, batch_norm=batch_norm)))
    assert len(made) == passes


@pytest.mark.parametrize("method", [GRADIENT_PENALTY, GRADIENT_PENALTY_MEMBERS], ids=lambda m: m.id)
def test_what_leaves_nothing_to_do_is_refused(method: object) -> None:
    weights = {"alpha": 0, "beta": 0} | ({"gamma": 0} if method is GRADIENT_PENALTY else {})
    with pytest.raises(BadInput, match="all terms have weight 0"):
        parse(method.params, weights, "method.")
    with pytest.raises(BadInput, match="penalty_goal"):
        parse(method.params, {"beta": 0, "penalty_goal": 0.1}, "method.")
    assert method.params(alpha=0) and method.params(beta=0)


def test_method_1_needs_unseen_samples_only_for_its_penalty() -> None:
    with pytest.raises(DatasetError, match="unseen"):
        next(unlearn(context_of(), Params()))
    next(unlearn(context_of(), Params(beta=0)))


@pytest.mark.parametrize("policy", ["eval", "train"])
def test_batch_norm_moves_its_statistics_only_in_train_mode(policy: str) -> None:
    context = context_of(unseen=20, batch_norm=True, rounds=2)
    before = statistics(context.model)
    assert len(before) == 2
    modes = []
    for _ in unlearn(context, Params(batch_norm=policy, batch_size=5)):
        modes.append([m.training for m in context.model.modules()])
    moved = [name for name, value in statistics(context.model).items() if (value != before[name]).any()]
    assert len(moved) == (2 if policy == "train" else 0)
    assert modes == [[True] * len(modes[0])] * 2, "between rounds every layer is in its own mode"


def test_a_single_forget_sample_takes_stored_statistics() -> None:
    context = context_of(forget=1, unseen=20, batch_norm=True)
    before = statistics(context.model)
    (told,) = unlearn(context, Params(batch_norm="train"))
    assert math.isfinite(told["loss"])
    assert all((value == before[name]).all() for name, value in statistics(context.model).items())


def test_it_ends_at_its_goal_and_a_resume_does_not_go_on() -> None:
    free = list(unlearn_members(context_of(rounds=6), MembersParams(alpha=0.0, lr=0.005)))
    penalties = [told["penalty"] for told in free]
    assert len(free) == 6 and penalties == sorted(penalties, reverse=True)
    params = MembersParams(alpha=0.0, lr=0.005, penalty_goal=penalties[2] + 1e-6)
    context = context_of(rounds=6)
    assert list(unlearn_members(context, params)) == free[:3]

    first = context_of(rounds=6)
    rounds = unlearn_members(first, params)
    for _ in range(3):
        next(rounds)
    second = context_of(rounds=6, first_round=4)
    second.saved = {name: thing.state_dict() for name, thing in first.kept.items()}
    assert list(unlearn_members(second, params)) == []


def test_overflow_under_loss_scaling_is_a_skipped_step_not_a_failure() -> None:
    context = context_of(precision=FP16, unseen=20)
    start = copy.deepcopy(context.model.state_dict())
    # The loss is scaled by 65,536 at first, more than its gradient bears in half precision.
    (told,) = unlearn(context, Params(alpha=1000.0))
    assert all(math.isfinite(value) for value in told.values()) and "gradient_norm" not in told
    assert context.kept["scaler"].state_dict()["scale"] < 65536
    assert all((start[name] == value).all() for name, value in context.model.state_dict().items())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_penalty_is_computed_in_full_precision(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    whole = module.input_gradient

    def watched(model: nn.Module, x: Tensor, **named: str) -> Tensor:
        gradient = whole(model, x, **named)
        seen.append(gradient.dtype)
        return gradient

    monkeypatch.setattr(module, "input_gradient", watched)
    context: Context = context_of(unseen=20, **({"precision": FP16} if precision == "fp16" else {}))
    next(unlearn(context, Params()))
    assert seen == [torch.float32]
