"""Momentum Contrast (He et al., CVPR 2020, Eq. 1 and 2): a queue of keys from a slow copy of the encoder."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from lightly.loss import NTXentLoss
from torch import Tensor

from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.ssl_views import ssl_views
from cu_core.learning.network import Network
from cu_core.learning.objectives.contrast import info_nce
from cu_core.learning.objectives.slow_copy import SlowCopy
from cu_core.learning.objectives.training_objective import full_precision

# The queue starts with random directions; they are the same in every process.
QUEUE_SEED = 0


class MoCo:
    """InfoNCE of one view's embedding against its key and a queue of earlier keys.

    The queue takes any batch size: what does not fit behind the last place is left out, and the next batch starts
    at the first place again. Without gradients (as in evaluation) the queue is read but not written.

    See `cu_core.learning.objectives.training_objective.TrainingObjective`.
    """

    correct: Tensor | None = None

    def __init__(self, spec: TrainSpec, model: Network, images: int) -> None:
        self.smallest_crop = spec.smallest_crop
        self.temperature = spec.temperature or objective("moco").temperature
        self.momentum = spec.key_momentum
        self.slow = SlowCopy(model)
        length = max(1, min(spec.queue, images))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(QUEUE_SEED)
            loss = NTXentLoss(self.temperature, memory_bank_size=(length, model.embedding_dim))
        self.loss = loss.to(next(model.parameters()).device)

    def __call__(self, model: Network, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of one batch; its keys replace the oldest ones of the queue."""
        first, second = self.views(images, 2, generator)
        query, key = model.outputs(first).raw, self.slow.raw(model, second)
        with full_precision(images):
            return self.loss(query, key)

    def pairs(self, model: Network, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of queries and keys, and cosines of the queries to keys of the third views, which no queue takes."""
        query = model.outputs(first).raw
        key, further = self.slow.raw(model, second), self.slow.raw(model, third)
        with full_precision(first):
            return self.loss(query, key), F.cosine_similarity(query.float(), further.float())

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> list[Tensor]:
        """Crops, colours and mirror images as the training draws them."""
        return ssl_views(images, count, generator, self.smallest_crop)

    def after_step(self, model: Network, share: float = 0.0) -> None:
        """Moves the slow copy (Eq. 2)."""
        self.slow.follow(model, self.momentum)

    def per_sample(self, model: Network, first: Tensor, second: Tensor, others: Tensor) -> Tensor:
        """InfoNCE with the first view as query and the network's own embedding of the second one as key."""
        return info_nce(first, second, others, self.temperature)

    def state_dict(self) -> dict[str, Any]:
        """Slow copy, queue and the place in it."""
        bank = self.loss.memory_bank
        return {"slow": self.slow.state_dict(), "bank": bank.bank.cpu().clone(), "place": int(bank.bank_ptr)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state written by `state_dict`."""
        self.slow.load_state_dict(state["slow"])
        bank = self.loss.memory_bank
        bank.bank.copy_(state["bank"])
        bank.bank_ptr.fill_(state["place"])
