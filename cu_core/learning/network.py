"""`Network`, the base of all networks: trunk, optional projector, and outputs of one shape."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.learning.parallel.division import features as features_of


class Outputs(NamedTuple):
    """What one forward pass delivers, all float32.

    Attributes:
        logits: (n, K) the network's output, never softmax probabilities: class logits of a
            classifier, the embedding before it is normalised of an encoder.
        embedding: (n, d); unit rows behind a projector, trunk features of a plain classifier.
        raw: (n, d); the embedding before it is normalised.
        features: (n, w); what the trunk delivers, the input of weighted kNN and linear evaluation.
    """

    logits: Tensor
    embedding: Tensor
    raw: Tensor
    features: Tensor


class LastLayer(NamedTuple):
    """The linear layer that the class logits come from.

    Attributes:
        weight: (C, d) float32.
        bias: (C,) float32.
        reads: what it is applied to, of `Outputs`: ``embedding``, or ``relu`` for its positive part.
    """

    weight: Tensor
    bias: Tensor
    reads: str


class Network(nn.Module):
    """Trunk and optional projector; `Classifier` and `Encoder` say what comes behind.

    Attributes:
        trunk: module from images (n, channels, size, size) to features (n, w), with attribute ``width`` = w.
        projector: Linear(w, w), ReLU, Linear(w, d), or nothing.
        embedding_dim: d.
        width: w.
        has_classes: whether its outputs are class logits.
    """

    has_classes = True

    def __init__(self, trunk: nn.Module, head: str, embedding_dim: int) -> None:
        super().__init__()
        self.width = cast(int, trunk.width)
        self.trunk = trunk
        self.projector: nn.Sequential | None = None
        if head == "projected":
            self.projector = nn.Sequential(
                nn.Linear(self.width, self.width), nn.ReLU(), nn.Linear(self.width, embedding_dim)
            )
        else:
            embedding_dim = self.width
        self.embedding_dim = embedding_dim

    @property
    def num_outputs(self) -> int:
        """K, the number of columns of `Outputs.logits`."""
        raise NotImplementedError

    def outputs(self, images: Tensor) -> Outputs:
        """All outputs for normalised images (n, channels, size, size)."""
        raise NotImplementedError

    def last_layer(self) -> LastLayer | None:
        """The layer behind the class logits as it is now; None where no linear layer gives them."""
        return None

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, K)."""
        return self.outputs(images).logits

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embedding, raw embedding and features of normalised images; unit rows behind a projector."""
        features = features_of(self.trunk, images)
        if self.projector is None:
            raw = features.float()
            return raw, raw, raw
        # Under mixed precision the norm is taken in float32: squares of half-precision features lose too much.
        raw = self.projector(features).float()
        return F.normalize(raw, dim=1), raw, features.float()
