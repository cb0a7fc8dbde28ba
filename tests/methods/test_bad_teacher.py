"""Bad Teacher beside a plain statement of its loss and of Adam; its teachers stay as they are."""

from __future__ import annotations

import copy

import pytest
import torch

from cu_core.methods.bad_teacher import BadTeacherParams, unlearn
from cu_core.methods.mixed import mixed_epoch
from tests.methods.plain import PlainAdam, assert_same, twin
from tests.methods.small import context_of


@pytest.mark.parametrize(("reduction", "temperature"), [("paper", 1.0), ("paper", 3.0), ("released", 3.0)])
def test_steps_follow_the_teacher_of_each_sample(reduction: str, temperature: float) -> None:
    context, mirror = (context_of(forget=12, rounds=2, batch_norm=True) for _ in range(2))
    made = []
    fresh = context.fresh
    context.fresh = lambda seed: made.append(fresh(seed)) or made[-1]
    # In training mode a bias before batch norm has no gradient but rounding errors, which Adam makes large.
    student, competent = twin(mirror).eval(), copy.deepcopy(mirror.model).eval()
    adam = PlainAdam(student, lr=0.01)
    params = BadTeacherParams(
        lr=0.01, batch_size=11, retain_share=0.5, temperature=temperature, batch_norm="eval", reduction=reduction
    )
    told = list(unlearn(context, params))
    (incompetent,) = made
    untrained = copy.deepcopy(incompetent.state_dict())
    base = mirror.model.state_dict()
    assert any((value != base[name]).any() for name, value in untrained.items())
    for numbers in told:
        losses = []
        for x, _, _, to_forget in mixed_epoch(mirror, 11, 1.0):
            rows = []
            for image, bad, answer in zip(x, to_forget, student(x), strict=True):
                teacher = incompetent if bad else competent
                p = (teacher(image[None])[0].detach() / temperature).softmax(0)
                q = (answer / temperature).softmax(0)
                terms = p * (p.log() - q.log())
                rows.append(temperature**2 * terms.sum() if reduction == "paper" else terms.mean())
            loss = torch.stack(rows).mean()
            losses.append(float(loss.detach()))
            adam.step(loss)
        assert numbers["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-3)
    assert_same(context.model, student, tolerance=1e-4)
    kept = context.kept["teacher"].state_dict()
    assert all(torch.equal(value, base[name]) for name, value in kept.items()), "the competent teacher has changed"
    again = fresh(context.seed + 2000).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in untrained.items()), "the other one has changed"
    assert (context.forget.images_drawn, context.retain.images_drawn) == (24, 60)


def test_after_a_resume_the_competent_teacher_is_the_base_model_again() -> None:
    params = BadTeacherParams(lr=0.05, batch_size=16)
    whole = context_of(rounds=3)
    base = copy.deepcopy(whole.model.state_dict())
    list(unlearn(whole, params))
    first = context_of(rounds=3)
    next(unlearn(first, params))
    second = context_of(rounds=3, first_round=2)
    second.model.load_state_dict(first.model.state_dict())
    second.saved = copy.deepcopy({name: thing.state_dict() for name, thing in first.kept.items()})
    second.generator.set_state(first.generator.get_state())
    list(unlearn(second, params))
    assert_same(second.model, whole.model, tolerance=0)
    assert all(torch.equal(value, base[name]) for name, value in second.kept["teacher"].state_dict().items())
