"""Weight files of an ensemble's members: one per shard and stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cu_core.base.errors import CheckpointError
from cu_core.learning.classifier import Classifier
from cu_core.learning.training import read_sealed, write_sealed
from cu_core.learning.weights import portable


@dataclass(frozen=True)
class StageFiles:
    """What a training in shards leaves behind after each stage.

    Attributes:
        folder: where trained models are kept.
        key: of the model.
        shards: S.
        slices: R.
    """

    folder: Path
    key: str
    shards: int
    slices: int

    def path(self, shard: int, stage: int) -> Path:
        """The file of a shard after a stage; both count from 0."""
        return self.folder / f"{self.key}.shard{shard}.stage{stage}.pt"

    def write(
        self, shard: int, stage: int, member: Classifier, seconds: float, cpu_seconds: float | None = None
    ) -> None:
        """Keeps a member's weights and what the stage took."""
        state = {"model": portable(member), "seconds": seconds, "cpu_seconds": cpu_seconds}
        write_sealed(self.path(shard, stage), state)

    def read(self, shard: int, stage: int) -> dict[str, Any] | None:
        """What `write` kept: ``model``, ``seconds`` and ``cpu_seconds``; None where it is missing or damaged."""
        return read_sealed(self.path(shard, stage))

    def weights(self, shard: int, stage: int) -> dict[str, Tensor]:
        """A member's weights after a stage.

        Raises:
            CheckpointError: they are missing or damaged.
        """
        found = self.read(shard, stage)
        if found is None:
            raise CheckpointError(
                "train.shards", f"what shard {shard + 1} was after stage {stage + 1} is lost; start the run again"
            )
        weights: dict[str, Tensor] = found["model"]
        return weights

    def complete(self) -> bool:
        """Whether all files are there and sound."""
        return all(self.read(s, r) is not None for s in range(self.shards) for r in range(self.slices))

    def drop(self) -> None:
        """Removes all files."""
        for shard in range(self.shards):
            for stage in range(self.slices):
                self.path(shard, stage).unlink(missing_ok=True)
