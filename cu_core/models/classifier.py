"""Trunk plus head: the network that is trained, unlearned and evaluated."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Outputs(NamedTuple):
    """What one forward pass delivers, all float32.

    Attributes:
        logits: (n, classes).
        embedding: (n, d); unit rows under the projected head, trunk features under the plain one.
        raw: (n, d); the embedding before it is normalised.
    """

    logits: Tensor
    embedding: Tensor
    raw: Tensor


class Classifier(nn.Module):
    """A trunk with a projected or a plain head.

    The projected head is part of the deployed network, as in Contrastive Unlearning (Lee et al.,
    IJCAI 2025): Linear(w, w), ReLU, Linear(w, d), L2 normalisation = embedding, ReLU, Linear(d, classes).
    The plain head is one linear layer on the trunk's features, which then are the embedding.

    Attributes:
        trunk: module from images (n, channels, size, size) to features (n, w), with attribute ``width`` = w.
        projector: the two linear layers of the projected head, or nothing under the plain head.
        head: the last linear layer.
        num_classes: number of classes.
        embedding_dim: d.
    """

    def __init__(self, trunk: nn.Module, num_classes: int, head: str, embedding_dim: int) -> None:
        super().__init__()
        width = cast(int, trunk.width)
        self.trunk = trunk
        self.projector: nn.Sequential | None = None
        if head == "projected":
            self.projector = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, embedding_dim))
        else:
            embedding_dim = width
        self.head = nn.Linear(embedding_dim, num_classes)
        self.num_classes = num_classes
        self.embedding_dim = embedding_dim

    def outputs(self, images: Tensor) -> Outputs:
        """Logits and embeddings of normalised images (n, channels, size, size)."""
        features = self.trunk(images)
        if self.projector is None:
            raw = features.float()
            return Outputs(self.head(features).float(), raw, raw)
        # Under mixed precision the norm is taken in float32: squares of half-precision features lose too much.
        raw = self.projector(features).float()
        embedding = F.normalize(raw, dim=1)
        return Outputs(self.head(torch.relu(embedding)).float(), embedding, raw)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return self.outputs(images).logits
