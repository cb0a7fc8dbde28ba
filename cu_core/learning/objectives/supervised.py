"""Cross-entropy on labels, without memory."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.views import view
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import full_precision


class Supervised:
    """Mean cross-entropy, with the recipe's label smoothing.

    See `cu_core.learning.objectives.training_objective.TrainingObjective`.
    """

    def __init__(self, spec: TrainSpec, model: Network, images: int) -> None:
        self.correct: Tensor | None = None
        self.label_smoothing = spec.label_smoothing

    def __call__(self, model: Network, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy of one batch."""
        logits = model(images)
        self.correct = (logits.detach().argmax(1) == labels).sum()
        with full_precision(images):
            return F.cross_entropy(logits.float(), labels, label_smoothing=self.label_smoothing)

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> list[Tensor]:
        """The mild views that classifiers are measured with, whatever they were trained on."""
        return [view(images, generator) for _ in range(count)]

    def after_step(self, model: Network, share: float = 0.0) -> None:
        """Nothing to do."""

    def per_sample(self, model: Network, first: Tensor, second: Tensor, others: Tensor) -> Tensor:
        """Refused: the loss of a classifier is computed from logits and labels."""
        raise TypeError("the supervised loss of a sample comes from its logits and label, not from views")

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take over."""
