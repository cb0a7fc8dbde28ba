"""Encoder: trunk and projector without classes, for self-supervised training."""

from __future__ import annotations

from torch import Tensor, nn

from cu_core.learning.network import Network, Outputs


class Encoder(Network):
    """A trunk with a projector, and for BYOL a predictor behind it.

    It is audited as Wang & Chen do (arXiv 2405.07317): its output is the un-normalised projection,
    read as if its columns were classes. The predictor serves the training loss alone; it is part of the
    network so that it is stored, hashed and unlearned with it.

    Attributes:
        predictor: from (n, d) to (n, d), or nothing.
    """

    has_classes = False

    def __init__(self, trunk: nn.Module, head: str, embedding_dim: int, predictor: nn.Module | None = None) -> None:
        super().__init__(trunk, head, embedding_dim)
        self.predictor = predictor

    @property
    def num_outputs(self) -> int:
        """The width of the embedding."""
        return self.embedding_dim

    def outputs(self, images: Tensor) -> Outputs:
        """Embeddings of normalised images (n, channels, size, size); the raw ones stand in for logits."""
        embedding, raw, features = self.embed(images)
        return Outputs(raw, embedding, raw, features)
