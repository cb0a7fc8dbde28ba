"""The interface of a training objective: loss of a batch, loss per sample, state."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from cu_core.base.registry import imported
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.learning.network import Network


class TrainingObjective(Protocol):
    """A training loss with the state that it keeps between steps (queue, slow copy).

    A new instance knows nothing of earlier batches: its queue holds random directions and its slow copy equals
    the network. Unlearning starts with a new one, so that nothing remembers the forget set but the network.

    Attributes:
        correct: number of samples of the last batch that were classified correctly; None for losses without labels.
    """

    correct: Tensor | None

    def __call__(self, model: Network, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of one batch; may update a queue.

        Args:
            model: the network that is trained, in the mode that the caller wants.
            images: (b, c, h, w) normalised, not augmented; self-supervised losses draw two views of each.
            labels: (b,) int64; ignored by self-supervised losses.
            generator: on the CPU; the source of all views.

        Returns:
            Scalar, mean over the batch, float32.
        """

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> list[Tensor]:
        """Views of the family that the training draws, for whoever measures the network.

        Args:
            images: (n, c, h, w) normalised, not augmented.
            count: views per image.
            generator: on the CPU.

        Returns:
            `count` tensors like `images`.
        """

    def after_step(self, model: Network, share: float = 0.0) -> None:
        """Moves the slow copy, if there is one; `share` is the part of the training that is done, 0..1."""

    def per_sample(self, model: Network, first: Tensor, second: Tensor, others: Tensor) -> Tensor:
        """The loss of each sample for evaluation: no state is read or changed, apart from the network.

        Args:
            model: in evaluation mode.
            first: (n, d) raw embeddings of one view each.
            second: (n, d) raw embeddings of another view of the same samples.
            others: (m, d) raw embeddings of views of other samples, the negatives.

        Returns:
            (n,) float32, comparable between samples and rounds.
        """

    def state_dict(self) -> dict[str, Any]:
        """Queue and slow copy, for checkpoints of an unfinished training or unlearning."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state written by `state_dict`."""


class PairObjective(TrainingObjective, Protocol):
    """A self-supervised loss, which can also be asked for pairs of views that the caller has chosen."""

    def pairs(self, model: Network, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of one batch of pairs, and how alike further views are found; may update a queue.

        Args:
            model: the network that is trained, in the mode that the caller wants.
            first: (b, c, h, w) a view of each sample.
            second: (b, c, h, w) what each is to be found alike to.
            third: (b, c, h, w) other views.

        Returns:
            The loss of first and second views as a training step computes it, scalar and float32; and (b,) cosines
            of first and third views, as the loss would compare them, float32.
        """


def make_objective(spec: TrainSpec, model: Network, images: int) -> TrainingObjective:
    """A new objective without memory, on the device of the network.

    Args:
        spec: which objective, its temperature, queue and key momentum.
        model: the network to be trained; a slow copy starts equal to it.
        images: number of training images; a queue never holds more than these.
    """
    made: TrainingObjective = imported(objective(spec.objective).implementation)(spec, model, images)
    return made


def full_precision(tensor: Tensor) -> torch.autocast:
    """Context in which a loss is computed in float32, whatever precision the network ran in."""
    return torch.autocast(tensor.device.type, enabled=False)
