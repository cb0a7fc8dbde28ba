"""Signals of an encoder: features, embeddings of fixed views, kNN votes, contrastive losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cu_core.data.batches import ImageSource
from cu_core.engine.signals import BATCH, evaluating, outputs_of
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import TrainingObjective

# Votes have zeros; a logarithm has none of those.
LEAST_SHARE = 1e-6
NEGATIVES = 512
NEGATIVE_FOLDS = 8


@dataclass(frozen=True)
class Encoded:
    """One pass of an encoder over n samples without augmentation.

    Attributes:
        embedding: (n, d) float32.
        features: (n, w) float32 of the trunk.
        output_top3: (n, 3) float32, three highest softmax probabilities over the encoder's outputs, descending;
            0 for ranks that there are no outputs for.
        labels: (n,) int64.
    """

    embedding: np.ndarray
    features: np.ndarray
    output_top3: np.ndarray
    labels: np.ndarray

    def take(self, rows: np.ndarray) -> Encoded:
        """The outputs of some rows."""
        return Encoded(self.embedding[rows], self.features[rows], self.output_top3[rows], self.labels[rows])


@torch.inference_mode()
def encode(model: Network, source: ImageSource, index: np.ndarray) -> Encoded:
    """Looks at some samples, in evaluation mode and full precision.

    The output probabilities are those of Wang & Chen (arXiv 2405.07317), who read the un-normalised projection
    of an encoder as if its columns were classes.

    Args:
        model: left in the mode it was in.
        source: the images.
        index: (n,) indices into the source.
    """
    embedding, features, top3, labels = [], [], [], []
    with evaluating(model):
        for rows in torch.from_numpy(index).split(BATCH):
            x, y = source.take(rows)
            outputs = outputs_of(model, x)
            embedding.append(outputs.embedding.float().cpu())
            features.append(outputs.features.float().cpu())
            highest = outputs.logits.double().softmax(1).topk(min(3, model.num_outputs), dim=1).values
            top3.append(F.pad(highest, (0, 3 - highest.shape[1])).float().cpu())
            labels.append(y.cpu())
    if not labels:
        nothing = [np.empty((0, columns), np.float32) for columns in (model.embedding_dim, model.width, 3)]
        return Encoded(nothing[0], nothing[1], nothing[2], np.empty(0, np.int64))
    return Encoded(
        torch.cat(embedding).numpy(), torch.cat(features).numpy(), torch.cat(top3).numpy(), torch.cat(labels).numpy()
    )


@torch.inference_mode()
def view_embeddings(
    objective: TrainingObjective, model: Network, source: ImageSource, index: np.ndarray, count: int, seed: int
) -> Tensor:
    """Raw embeddings of augmented views, of the family that the training drew.

    View v of the same list of samples is the same in every call with that seed, however many views are asked for.

    Args:
        objective: draws the views.
        model: left in the mode it was in.
        source: the images.
        index: (n,) indices into the source.
        count: V, number of views.
        seed: of the augmentation.

    Returns:
        (n, V, d) float32 on the CPU.
    """
    generators = [torch.Generator().manual_seed(view_seed(seed, number)) for number in range(count)]
    found = torch.empty(len(index), count, model.embedding_dim)
    with evaluating(model):
        for start in range(0, len(index), BATCH):
            x, _ = source.take(torch.from_numpy(index[start : start + BATCH]))
            for number, generator in enumerate(generators):
                (images,) = objective.views(x, 1, generator)
                found[start : start + BATCH, number] = outputs_of(model, images).raw.float().cpu()
    return found


def view_seed(seed: int, number: int) -> int:
    """Seed of one view, so that views share no random stream."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def pair_cosines(views: Tensor) -> Tensor:
    """Cosines of all pairs of views in the order (0, 1), (0, 2), …, (1, 2), ….

    Args:
        views: (n, V, d).

    Returns:
        (n, V (V - 1) / 2) float32 in -1..1.
    """
    unit = F.normalize(views.float(), dim=2)
    first, second = torch.triu_indices(unit.shape[1], unit.shape[1], offset=1, device=unit.device)
    return (unit @ unit.transpose(1, 2))[:, first, second].clamp(-1, 1)


def vote_logits(votes: Tensor) -> np.ndarray:
    """Logarithms of the shares of a vote (n, C), which stand in for class logits; float32 on the CPU."""
    return votes.float().clamp(min=LEAST_SHARE).log().cpu().numpy()


@torch.inference_mode()
def training_losses(
    objective: TrainingObjective,
    model: Network,
    views: Tensor,
    others: Tensor,
    fold: np.ndarray,
    device: torch.device,
) -> np.ndarray:
    """The training loss of each sample between its first two views.

    The others are negatives, dealt in turn to `NEGATIVE_FOLDS` folds. A sample is contrasted with all folds but its
    own, so that no sample is a negative of itself and all samples have as many of them.

    Args:
        objective: without memory of any batch.
        model: left in the mode it was in.
        views: (n, V, d) raw embeddings, V at least 2.
        others: (m, d) raw embeddings of the negatives.
        fold: (n,) the fold of each sample; of a sample that is also a negative its row among those.
        device: where to compute.

    Returns:
        (n,) float32.
    """
    folds = min(NEGATIVE_FOLDS, max(len(others), 1))
    position = torch.arange(len(others)) % folds
    own = fold % folds
    found = np.empty(len(views), np.float32)
    with evaluating(model):
        for number in range(folds):
            rows = np.flatnonzero(own == number)
            first, second = (views[torch.from_numpy(rows), v].to(device) for v in (0, 1))
            losses = objective.per_sample(model, first, second, others[position != number].to(device))
            found[rows] = losses.float().cpu().numpy()
    return found
