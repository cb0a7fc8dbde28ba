"""Signals of a model on the audit's samples: logits, losses, cosines of augmented views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cu_core.data.batches import ImageSource
from cu_core.data.views import view
from cu_core.engine.audit.audit_samples import Side
from cu_core.engine.encoder_signals import pair_cosines
from cu_core.engine.signals import evaluating, outputs_of
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import TrainingObjective
from cu_core.metrics.attacks.fitting import Signals

BATCH = 512


@dataclass(frozen=True)
class AuditInputs:
    """What every model is evaluated on in the same way.

    Attributes:
        views: augmented views per sample, 2 or more.
        seed: of the views.
        negatives: (m, c, h, w) normalised images that an encoder's loss contrasts with; None for classifiers.
    """

    views: int
    seed: int
    negatives: Tensor | None


class SignalCollector:
    """Asks one model.

    The views depend on a seed alone, so all models see the same ones. They are of the family that the model was
    trained with: those of self-supervised training for encoders, mild ones for classifiers.

    Args:
        model: a classifier, or an encoder; left in the mode it was in.
        objective: what the encoder was trained with; None for classifiers.
        inputs: the same for all models.
        step: called after each batch; may raise to stop.
    """

    def __init__(
        self,
        model: Network,
        objective: TrainingObjective | None,
        inputs: AuditInputs,
        step: Callable[[], None] = lambda: None,
    ) -> None:
        self.model = model
        self.objective = objective
        self.inputs = inputs
        self.step = step

    @torch.inference_mode()
    def __call__(self, source: ImageSource, side: Side, stream: int) -> Signals:
        """The signals of some samples, in evaluation mode and full precision.

        Args:
            source: their images.
            side: n > 0 samples of one membership.
            stream: number of the random views; another one for every side.

        Returns:
            Signals of n samples.
        """
        generator = _generator(self.inputs.seed, stream)
        logits, losses, cosines = [], [], []
        with evaluating(self.model):
            others = self._others()
            for rows in torch.from_numpy(side.index).split(BATCH):
                images, _ = source.take(rows)
                logits.append(outputs_of(self.model, images).logits.float().cpu().numpy())
                raw = [outputs_of(self.model, v).raw.float() for v in self._draw(images, generator)]
                if self.objective is not None and others is not None:
                    losses.append(self.objective.per_sample(self.model, raw[0], raw[1], others).float().cpu().numpy())
                cosines.append(pair_cosines(torch.stack(raw, 1).cpu()))
                self.step()
        outputs, pairs = np.concatenate(logits), np.concatenate(cosines)
        if self.objective is None:
            return Signals.of_classifier(outputs, side.label, pairs)
        return Signals.of_encoder(outputs, np.concatenate(losses), pairs)

    def _others(self) -> Tensor | None:
        if self.objective is None or self.inputs.negatives is None:
            return None
        (images,) = self.objective.views(self.inputs.negatives, 1, _generator(self.inputs.seed, 0))
        return outputs_of(self.model, images).raw.float()

    def _draw(self, images: Tensor, generator: torch.Generator) -> list[Tensor]:
        if self.objective is None:
            return [view(images, generator) for _ in range(self.inputs.views)]
        return self.objective.views(images, self.inputs.views, generator)


def batches(samples: int) -> int:
    """Steps that `SignalCollector` takes for so many samples."""
    return -(-samples // BATCH)


def _generator(seed: int, stream: int) -> torch.Generator:
    """Random numbers of one of several streams of a seed."""
    return torch.Generator().manual_seed(int(np.random.default_rng([seed, stream]).integers(2**62)))
