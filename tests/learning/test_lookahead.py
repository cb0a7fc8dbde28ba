"""Averaging of weights during training, against the formula written out."""

from __future__ import annotations

import torch
from torch import nn

from cu_core.learning.lookahead import Lookahead


def test_the_slow_weights_follow_the_formula() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    averaging, wanted_steps = Lookahead(model, 0.8), 13
    slow = {name: value.clone() for name, value in model.state_dict().items()}
    for done in range(1, wanted_steps + 1):
        with torch.no_grad():
            for value in model.state_dict().values():
                value.add_(torch.randn_like(value.float()).to(value.dtype))
        fast = {name: value.clone() for name, value in model.state_dict().items()}
        averaging.after_step(model, done, wanted_steps)
        now = model.state_dict()
        if done in (5, 10, 13):
            kept = 0.8 * (done / 13) ** 3
            for name, value in fast.items():
                if value.is_floating_point():
                    slow[name] = kept * slow[name] + (1 - kept) * value
                    torch.testing.assert_close(now[name], slow[name])
        else:
            assert all(torch.equal(now[name], fast[name]) for name in now)
        assert torch.equal(now["1.num_batches_tracked"], fast["1.num_batches_tracked"]), "counters are not averaged"


def test_nothing_kept_is_no_averaging() -> None:
    model = nn.Linear(2, 2)
    before = model.weight.clone()
    averaging = Lookahead(model, 0.0)
    with torch.no_grad():
        model.weight.add_(1)
    averaging.after_step(model, 5, 10)
    torch.testing.assert_close(model.weight.detach(), before + 1)
