"""BYOL (Grill et al., NeurIPS 2020, Eq. 2): predict the embedding that a slow copy gives to the other view."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from lightly.loss import NegativeCosineSimilarity
from lightly.utils.scheduler import cosine_schedule
from torch import Tensor

from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.ssl_views import ssl_views
from cu_core.learning.encoder import Encoder
from cu_core.learning.network import Network
from cu_core.learning.objectives.slow_copy import SlowCopy
from cu_core.learning.objectives.training_objective import full_precision

# The schedule counts steps; here the training is this many, however many it really takes.
SCHEDULE_STEPS = 1_000_000


class BYOL:
    """2 - 2 cos between prediction and target, the mean of both directions: 0 to 4.

    See `cu_core.learning.objectives.training_objective.TrainingObjective`.
    """

    correct: Tensor | None = None

    def __init__(self, spec: TrainSpec, model: Network, images: int) -> None:
        self.smallest_crop = spec.smallest_crop
        self.momentum = spec.key_momentum
        self.slow = SlowCopy(model)
        self.loss = NegativeCosineSimilarity()

    def __call__(self, model: Network, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of one batch."""
        first, second = self.views(images, 2, generator)
        predicted = _predict(model, model.outputs(torch.cat([first, second])).raw)
        target = self.slow.raw(model, torch.cat([second, first]))
        with full_precision(images):
            return 2 + 2 * self.loss(predicted.float(), target)

    def pairs(self, model: Network, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of one batch of pairs, and cosines of predictions from first views to targets of third ones."""
        predicted = _predict(model, model.outputs(torch.cat([first, second])).raw)
        target, further = self.slow.raw(model, torch.cat([second, first])), self.slow.raw(model, third)
        with full_precision(first):
            cosine = F.cosine_similarity(predicted[: len(first)].float(), further.float())
            return 2 + 2 * self.loss(predicted.float(), target), cosine

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> list[Tensor]:
        """Crops, colours and mirror images as the training draws them."""
        return ssl_views(images, count, generator, self.smallest_crop)

    def after_step(self, model: Network, share: float = 0.0) -> None:
        """Moves the slow copy; what stays of it rises along half a cosine to all of it at the end of a training."""
        stay = cosine_schedule(round(share * SCHEDULE_STEPS), SCHEDULE_STEPS + 1, self.momentum, 1.0)
        self.slow.follow(model, stay)

    def per_sample(self, model: Network, first: Tensor, second: Tensor, others: Tensor) -> Tensor:
        """The same loss with the network as its own slow copy; others do not matter."""
        forth = F.cosine_similarity(_predict(model, first).float(), second.float(), dim=1)
        back = F.cosine_similarity(_predict(model, second).float(), first.float(), dim=1)
        return 2 - forth - back

    def state_dict(self) -> dict[str, Any]:
        """The slow copy."""
        return {"slow": self.slow.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state written by `state_dict`."""
        self.slow.load_state_dict(state["slow"])


def _predict(model: Network, raw: Tensor) -> Tensor:
    predictor = cast(Encoder, model).predictor
    if predictor is None:
        raise TypeError("BYOL trains an encoder that has a predictor")
    return predictor(raw)
