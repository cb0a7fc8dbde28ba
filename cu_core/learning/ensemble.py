"""Ensemble of classifiers trained on separate shards (SISA)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cu_core.learning.classifier import Classifier
from cu_core.learning.network import Network, Outputs


class Ensemble(Network):
    """Classifiers of one shape that answer together (Bourtoule et al., Machine Unlearning, IEEE S&P 2021).

    The answer is the mean of the members' softmax probabilities, given as its logarithm; a majority vote, the
    paper's other choice, would leave no confidence. Embeddings and features are the members' side by side.

    Attributes:
        members: the classifiers.
        voters: (S,) 1 for members that vote and 0 for those whose shard holds too few samples to learn from;
            part of the weights.
    """

    voters: Tensor

    def __init__(self, members: Sequence[Classifier]) -> None:
        # Not that of `Network`: trunks and projectors are the members' own.
        nn.Module.__init__(self)
        self.members = nn.ModuleList(members)
        self.projector = None
        self.embedding_dim = sum(member.embedding_dim for member in members)
        self.width = sum(member.width for member in members)
        self.num_classes = members[0].num_classes
        self.register_buffer("voters", torch.ones(len(members)))

    @property
    def num_outputs(self) -> int:
        """The number of classes."""
        return self.num_classes

    def member(self, shard: int) -> Classifier:
        """The classifier of a shard, counted from 0."""
        found = self.members[shard]
        assert isinstance(found, Classifier)
        return found

    def outputs(self, images: Tensor) -> Outputs:
        """All outputs for normalised images (n, channels, size, size).

        Returns:
            logits: log of the voters' mean probability, so their softmax is that mean. embedding: the members' unit
            rows side by side, divided by √S, which makes unit rows again. raw and features: side by side.
        """
        parts = [self.member(shard).outputs(images) for shard in range(len(self.members))]
        log_probabilities = torch.stack([part.logits.log_softmax(1) for part in parts])
        voters = self.voters if bool(self.voters.any()) else torch.ones_like(self.voters)
        logits = torch.logsumexp(log_probabilities + voters.log()[:, None, None], 0) - voters.sum().log()
        return Outputs(
            logits,
            torch.cat([part.embedding for part in parts], 1) / math.sqrt(len(parts)),
            torch.cat([part.raw for part in parts], 1),
            torch.cat([part.features for part in parts], 1),
        )
