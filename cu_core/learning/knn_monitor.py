"""Weighted-kNN accuracy of an encoder on some of its training images, measured while it trains."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from cu_core.data.batches import Split
from cu_core.learning.device import Precision
from cu_core.learning.network import Network
from cu_core.metrics.knn import TEMPERATURE, K, weighted_knn

QUERY_SHARE = 0.1
MOST_QUERIES = 1_000
MOST_IN_BANK = 5_000
BATCH = 512
# The share of the training's time that watching may take, and what a pass without gradients costs of one with them.
COST = 0.05
FORWARD_COST = 1 / 3


class KnnMonitor:
    """A tenth of the training images are queries, others the bank that votes; training itself is not changed.

    Labels are read here and nowhere else in self-supervised training.

    Attributes:
        every: epochs between evaluations, so that they take about `COST` of the time.
    """

    def __init__(self, split: Split, seed: int, cost: float) -> None:
        """Draws the samples.

        Args:
            split: the training samples, at least two.
            seed: of the draw.
            cost: time of one training image, as `cu_core.catalogue.objective_record.Objective.cost`.
        """
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(split)))
        queries = min(MOST_QUERIES, max(1, int(QUERY_SHARE * len(split))))
        self._source = split.source
        self._queries = split.indices[order[:queries]]
        self._bank = split.indices[order[queries : queries + MOST_IN_BANK]]
        self.every = math.ceil((queries + len(self._bank)) * FORWARD_COST / (COST * cost * len(split)))

    def due(self, epoch: int, epochs: int) -> bool:
        """Whether to evaluate after this many of all epochs; always after the last one."""
        return epoch % self.every == 0 or epoch == epochs

    @torch.inference_mode()
    def accuracy(self, model: Network, precision: Precision) -> float:
        """Share of the queries whose class gets most votes; leaves the model in evaluation mode."""
        model.eval()
        labels = self._source.labels
        queries, bank = self._queries.to(labels.device), self._bank.to(labels.device)
        votes = weighted_knn(
            self._features(model, self._bank, precision),
            labels[bank],
            self._features(model, self._queries, precision),
            K,
            TEMPERATURE,
            int(labels.max()) + 1,
        )
        return (votes.argmax(1) == labels[queries]).double().mean().item()

    def _features(self, model: Network, index: Tensor, precision: Precision) -> Tensor:
        parts = []
        for rows in index.split(BATCH):
            images, _ = self._source.take(rows)
            with precision.autocast():
                parts.append(model.outputs(precision.images(images)).features)
        return torch.cat(parts)
