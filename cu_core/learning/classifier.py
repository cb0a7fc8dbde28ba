"""Classifier: trunk and linear head, for supervised training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cu_core.learning.network import LastLayer, Network, Outputs


class Classifier(Network):
    """A trunk with a projected or a plain head.

    The projected head is part of the deployed network, as in Contrastive Unlearning (Lee et al.,
    IJCAI 2025): Linear(w, w), ReLU, Linear(w, d), L2 normalisation = embedding, ReLU, Linear(d, classes).
    The plain head is one linear layer on the trunk's features, which then are the embedding.

    Attributes:
        head: the last linear layer.
        num_classes: number of classes.
    """

    def __init__(self, trunk: nn.Module, num_classes: int, head: str, embedding_dim: int) -> None:
        super().__init__(trunk, head, embedding_dim)
        self.head = nn.Linear(self.embedding_dim, num_classes)
        self.num_classes = num_classes

    @property
    def num_outputs(self) -> int:
        """The number of classes."""
        return self.num_classes

    def outputs(self, images: Tensor) -> Outputs:
        """Class logits and embeddings of normalised images (n, channels, size, size)."""
        embedding, raw, features = self.embed(images)
        outputs = Outputs(raw, embedding, raw, features)
        return outputs._replace(logits=self.head(self.head_input(outputs)).float())

    def last_layer(self) -> LastLayer:
        """The head."""
        reads = "embedding" if self.projector is None else "relu"
        return LastLayer(self.head.weight.detach().float(), self.head.bias.detach().float(), reads)

    def head_input(self, outputs: Outputs) -> Tensor:
        """(n, d) what the last linear layer reads, from the other outputs."""
        return outputs.raw if self.projector is None else torch.relu(outputs.embedding)
