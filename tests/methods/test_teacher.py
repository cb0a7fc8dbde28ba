"""The frozen copy of the base model, also after a resume, and the distance between answers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.special import softmax

from cu_core.methods.teacher import distillation_loss, frozen_copy
from tests.methods.small import context_of


def test_the_copy_is_the_base_model_also_after_a_resume():
    context = context_of(batch_norm=True)
    base = copy.deepcopy(context.model.state_dict())
    teacher = frozen_copy(context)
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    with torch.no_grad():
        for value in context.model.parameters():
            value.add_(1.0)
    saved = {name: copy.deepcopy(thing.state_dict()) for name, thing in context.kept.items()}
    again = context_of(batch_norm=True, first_round=2)
    again.saved = saved
    again.model.load_state_dict(context.model.state_dict())
    for found in (teacher, frozen_copy(again)):
        assert all(torch.equal(value, base[name]) for name, value in found.state_dict().items())
    assert all(p.requires_grad for p in again.model.parameters())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_distance_matches_numpy(temperature):
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 7, 4)) * 3
    p, q = softmax(teacher / temperature, axis=1), softmax(student / temperature, axis=1)
    want = temperature**2 * (p * np.log(p / q)).sum(1).mean()
    got = distillation_loss(torch.from_numpy(student), torch.from_numpy(teacher), temperature)
    assert got.item() == pytest.approx(want, rel=1e-5)
    assert got.dtype == torch.float32
