"""Exponential moving average of a network: key encoder of MoCo, target network of BYOL."""

from __future__ import annotations

import copy
from typing import Any

import torch
from lightly.models.utils import update_momentum
from torch import Tensor

from cu_core.learning.encoder import Encoder
from cu_core.learning.network import Network
from cu_core.learning.parallel.division import divided_like
from cu_core.learning.weights import portable


class SlowCopy:
    """Trunk and projector that follow a network by a moving average and never get gradients.

    Batch normalisation is not averaged: as in both papers' code the copy keeps statistics of its own, and
    normalises by the batch wherever the network does.

    Args:
        model: the network; the copy starts equal to it, on its device and in its memory order.
    """

    def __init__(self, model: Network) -> None:
        self.network = copy.deepcopy(model).requires_grad_(False)
        if isinstance(self.network, Encoder):
            self.network.predictor = None

    @torch.no_grad()
    def raw(self, model: Network, images: Tensor) -> Tensor:
        """Raw embeddings (n, d) without gradients, layer by layer in the mode that the network is in."""
        for ours, theirs in zip(self._parts(self.network), self._parts(model), strict=True):
            for layer, other in zip(ours.modules(), theirs.modules(), strict=True):
                layer.training = other.training
        with divided_like(self.network.trunk, model.trunk):
            return self.network.outputs(images).raw

    def follow(self, model: Network, stay: float) -> None:
        """Moves every weight: ``stay`` of itself plus ``1 - stay`` of the network's."""
        for ours, theirs in zip(self._parts(self.network), self._parts(model), strict=True):
            update_momentum(theirs, ours, stay)

    def state_dict(self) -> dict[str, Any]:
        """Weights and statistics on the CPU."""
        return portable(self.network)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state written by `state_dict`."""
        self.network.load_state_dict(state)

    @staticmethod
    def _parts(network: Network) -> list[torch.nn.Module]:
        return [network.trunk, *([network.projector] if network.projector is not None else [])]
