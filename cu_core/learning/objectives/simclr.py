"""SimCLR (Chen et al., ICML 2020, Eq. 1): two views of an image against all other images of the batch."""

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
from cu_core.learning.objectives.training_objective import full_precision


class SimCLR:
    """NT-Xent without memory; see `cu_core.learning.objectives.training_objective.TrainingObjective`."""

    correct: Tensor | None = None

    def __init__(self, spec: TrainSpec, model: Network, images: int) -> None:
        self.smallest_crop = spec.smallest_crop
        self.temperature = spec.temperature or objective("simclr").temperature
        self.loss = NTXentLoss(self.temperature)

    def __call__(self, model: Network, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of one batch; 0 for a single image, which has nothing to be told apart from."""
        raw = model.outputs(torch.cat(self.views(images, 2, generator))).raw
        with full_precision(images):
            return self.loss(*raw.chunk(2))

    def pairs(self, model: Network, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of one batch of pairs, and cosines of first to third views."""
        raw, further = model.outputs(torch.cat([first, second])).raw, model.outputs(third).raw
        with full_precision(first):
            cosine = F.cosine_similarity(raw[: len(first)].float(), further.float())
            return self.loss(*raw.chunk(2)), cosine

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> list[Tensor]:
        """Crops, colours and mirror images as the training draws them."""
        return ssl_views(images, count, generator, self.smallest_crop)

    def after_step(self, model: Network, share: float = 0.0) -> None:
        """Nothing to move."""

    def per_sample(self, model: Network, first: Tensor, second: Tensor, others: Tensor) -> Tensor:
        """NT-Xent of both directions, averaged, against the same others for every sample."""
        forth = info_nce(first, second, others, self.temperature)
        return (forth + info_nce(second, first, others, self.temperature)) / 2

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take over."""
