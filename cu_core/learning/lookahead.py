"""Lookahead: weights that follow a running mean of themselves (Zhang et al., NeurIPS 2019, arXiv 1907.08610).

The mean keeps little early on and more towards the end, as in airbench (Jordan, arXiv 2404.00498): what a noisy step
adds late in a short training is averaged out.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

STEPS = 5


class Lookahead:
    """Slow weights, and statistics, of a network; every `STEPS` steps, and after the last one, both become their mean.

    slow ← slow + (1 − d · s³) · (fast − slow), fast ← slow, with s the share of the training that is done.

    Args:
        model: whose weights they start from.
        decay: d.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.slow = {name: value.detach().clone() for name, value in _averaged(model).items()}

    def after_step(self, model: nn.Module, done: int, wanted: int) -> None:
        """Takes the mean, if it is time.

        Args:
            model: the network, one step further.
            done: steps that it has taken.
            wanted: steps of the whole training.
        """
        if done % STEPS and done != wanted:
            return
        kept = self.decay * (done / wanted) ** 3
        with torch.no_grad():
            for name, fast in _averaged(model).items():
                self.slow[name].lerp_(fast, 1 - kept)
                fast.copy_(self.slow[name])

    def state_dict(self) -> dict[str, Tensor]:
        """The slow weights."""
        return {name: value.cpu() for name, value in self.slow.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a state that `state_dict` gave."""
        for name, value in state.items():
            self.slow[name].copy_(value)


def _averaged(model: nn.Module) -> dict[str, Tensor]:
    """What has fractions, not counters; tensors of the network itself, to be written to."""
    return {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
