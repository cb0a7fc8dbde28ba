"""Training in shards and slices (SISA: Bourtoule et al., Machine Unlearning, IEEE S&P 2021).

The training set is cut into S shards and each shard into R slices. One classifier per shard learns in R stages, stage
r from slices 1 to r, each stage going on from the weights that the one before left. To unlearn a sample, its shard
alone is trained again, from the weights it had before the sample's slice was first seen.

Where a sample lies follows from its number and the seed; every stage's order from the seed, the shard, the stage and
the samples that are there. So removing samples moves no other, and shard retraining ends with the very weights that
training without those samples would have given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.learning.classifier import Classifier
from cu_core.learning.device import Precision
from cu_core.learning.ensemble import Ensemble
from cu_core.learning.training import EpochReport, TrainResult, train

# Fewer samples than this cannot be trained on: batch normalisation needs two.
FEWEST = 2
# Keeps the draws of the partition apart from those of the stages.
PARTITION_STREAM = 2021


def partition(total: int, shards: int, slices: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each training sample lies.

    All numbers are shuffled and dealt out like cards, to the shards first: both differ in size by one at most.

    Args:
        total: training samples, whether or not all of them are trained on.
        shards: S.
        slices: R.
        seed: of the training.

    Returns:
        (total,) int64 shard, from 0, and (total,) int64 slice, from 0.
    """
    row = np.empty(total, np.int64)
    row[np.random.default_rng([seed, PARTITION_STREAM]).permutation(total)] = np.arange(total)
    return row % shards, row // shards % slices


def stage_seed(seed: int, shard: int, stage: int) -> int:
    """Seed of everything random in one stage of one shard; both count from 0."""
    return int(np.random.SeedSequence([seed, shard, stage]).generate_state(1)[0])


@dataclass(frozen=True)
class ShardPlan:
    """Who learns what, when and for how long.

    Attributes:
        spec: the recipe.
        seed: of the training.
        shard: (N,) shard of every training sample.
        slice: (N,) slice of every training sample.
    """

    spec: TrainSpec
    seed: int
    shard: np.ndarray
    slice: np.ndarray

    @classmethod
    def of(cls, spec: TrainSpec, total: int, seed: int) -> ShardPlan:
        """The plan for a training set of `total` samples."""
        return cls(spec, seed, *partition(total, spec.shards, spec.slices, seed))

    def samples(self, indices: np.ndarray, shard: int, stage: int) -> np.ndarray:
        """Those of `indices` that a shard's classifier learns from in a stage, in ascending order."""
        chosen = np.sort(indices)
        return chosen[(self.shard[chosen] == shard) & (self.slice[chosen] <= stage)]

    def affected(self, forgotten: np.ndarray) -> list[tuple[int, int]]:
        """The shards that hold forgotten samples, in ascending order, each with its first affected slice."""
        shards = np.unique(self.shard[forgotten])
        return [(int(s), int(self.slice[forgotten[self.shard[forgotten] == s]].min())) for s in shards]

    def set_voters(self, model: Ensemble, indices: np.ndarray) -> None:
        """Asks only the members that have learned from some of `indices`."""
        held = np.bincount(self.shard[indices], minlength=len(model.members))
        model.voters.copy_(torch.from_numpy((held >= FEWEST).astype(np.float32)))

    def train_stage(
        self,
        member: Classifier,
        source: ImageSource,
        indices: np.ndarray,
        shard: int,
        stage: int,
        *,
        precision: Precision,
        checkpoint: Path | None = None,
        on_epoch: Callable[[EpochReport], None] = lambda report: None,
        check: Callable[[], None] = lambda: None,
    ) -> TrainResult:
        """Takes a member through one stage, in place. Optimizer and schedule begin anew, the weights go on.

        A stage without samples to learn from, or without epochs, leaves the weights as they are.

        Args:
            member: with the weights of the stage before.
            source: the training images on the device.
            indices: the samples that may be learned from, of all shards.
            shard: which shard, from 0.
            stage: which stage, from 0.
            precision: mixed-precision policy.
            checkpoint: as in `cu_core.learning.training.train`.
            on_epoch: as in `cu_core.learning.training.train`.
            check: called before each step; may raise to stop.
        """
        chosen, epochs = self.samples(indices, shard, stage), self.spec.stage_epochs[stage]
        if len(chosen) < FEWEST or epochs == 0:
            member.eval()
            return TrainResult(0.0, epochs, 0, 0.0)
        return train(
            member,
            Split(source, chosen, torch.Generator()),
            dataclasses.replace(self.spec, epochs=epochs, shards=1, slices=1),
            seed=stage_seed(self.seed, shard, stage),
            device=source.device,
            precision=precision,
            checkpoint=checkpoint,
            on_epoch=on_epoch,
            check=check,
        )


@dataclass(frozen=True)
class ShardedBase:
    """How a base model was trained in shards, and what its members were on the way.

    Attributes:
        plan: of its training.
        after: from shard and stage (from 0) to the weights of the shard's member after that stage; raises
            `cu_core.base.errors.CheckpointError` where they are lost.
    """

    plan: ShardPlan
    after: Callable[[int, int], dict[str, Tensor]]
