"""Weights of a training after some of its epochs, kept beside the trained model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from cu_core.base.errors import CheckpointError
from cu_core.learning.network import Network
from cu_core.learning.training import read_sealed, write_sealed
from cu_core.learning.weights import portable


@dataclass(frozen=True)
class KeptEpochs:
    """What an ordinary training leaves behind on request.

    Attributes:
        folder: where trained models are kept.
        key: of the model.
        epochs: after which epochs, from 1, sorted.
        last: epochs of the whole training.
    """

    folder: Path
    key: str
    epochs: tuple[int, ...]
    last: int

    def path(self, epoch: int) -> Path:
        """The file of an epoch."""
        return self.folder / f"{self.key}.epoch{epoch}.pt"

    def after(self, epoch: int, model: Network) -> None:
        """Keeps the weights as they are after an epoch, if they are wanted."""
        if epoch in self.epochs:
            write_sealed(self.path(epoch), {"model": portable(model)})

    def missing(self) -> tuple[int, ...]:
        """Wanted epochs whose file is not there or damaged."""
        return tuple(epoch for epoch in self.epochs if read_sealed(self.path(epoch)) is None)

    def drop_unusable(self, partial: Path) -> None:
        """Removes an unfinished training that is past an epoch whose weights are missing: it cannot be gone on with."""
        missing, state = self.missing(), read_sealed(partial)
        if missing and state is not None and state.get("epoch", 0) >= missing[0]:
            partial.unlink(missing_ok=True)

    def weights(self, before_end: int) -> dict[str, Tensor]:
        """The weights so many epochs before the end of the training.

        Raises:
            CheckpointError: they are not kept, or damaged.
        """
        epoch = self.last - before_end
        found = read_sealed(self.path(epoch)) if epoch in self.epochs else None
        if found is None:
            raise CheckpointError(
                "train.keep_every", f"the weights after epoch {epoch} are not kept (any more); start the run again"
            )
        weights: dict[str, Tensor] = found["model"]
        return weights
