"""NegMerge: what counts as agreed, and the model that is merged from fine-tuned copies."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.methods.negmerge import NegMergeParams, merged, rates, unlearn
from tests.methods.plain import PlainSgd
from tests.methods.small import context_of


def test_only_equal_signs_are_merged() -> None:
    changes = [torch.tensor([1.0, -1.0, 1.0, 0.0, -2.0]), torch.tensor([3.0, -2.0, -1.0, 1.0, -4.0])]
    assert merged(changes).tolist() == [2.0, -1.5, 0.0, 0.0, -3.0]
    assert merged(changes[:1]).tolist() == changes[0].tolist()


def test_rates_grow_by_equal_factors() -> None:
    assert rates(NegMergeParams(models=3, lowest_lr=1e-4, highest_lr=1e-2)) == pytest.approx([1e-4, 1e-3, 1e-2])
    assert rates(NegMergeParams(models=1, lowest_lr=1e-4, highest_lr=1e-2)) == [1e-4]


@pytest.mark.parametrize("task", ["class", "sample"])
def test_goes_the_other_way_where_all_copies_agree(task: str) -> None:
    context, mirror = (context_of(forget=12, retain=20, rounds=2, task=task, batch_norm=True) for _ in range(2))
    params = NegMergeParams(models=3, lowest_lr=0.02, highest_lr=0.5, scale=1.5, batch_size=5, weight_decay=0.1)
    told = list(unlearn(context, params))
    base = copy.deepcopy(mirror.model)
    copies = [copy.deepcopy(base).train() for _ in range(3)]
    steppers = [PlainSgd(c, rate, 0.9, 0.1) for c, rate in zip(copies, (0.02, 0.1, 0.5), strict=True)]
    for _ in range(2):
        for model, sgd in zip(copies, steppers, strict=True):
            for x, y, _ in mirror.forget.epoch(5):
                sgd.step(F.cross_entropy(model(x), y))
    agreed = total = 0
    for name, start in base.named_parameters():
        changes = np.stack([(dict(c.named_parameters())[name] - start).detach().numpy() for c in copies])
        same = (changes > 0).all(0) | (changes < 0).all(0)
        wanted = start.detach().numpy() - 1.5 * np.where(same, changes.mean(0), 0)
        assert context.model.state_dict()[name].numpy() == pytest.approx(wanted, abs=2e-5), name
        agreed, total = agreed + same.sum(), total + same.size
    assert told[-1]["agreed_share"] == pytest.approx(agreed / total, abs=0.02) and 0 < agreed < total
    for name, buffer in context.model.named_buffers():
        assert torch.equal(buffer, base.state_dict()[name]), name
    assert context.retain.images_drawn == 0
