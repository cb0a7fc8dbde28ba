"""Signals of single samples (embedding, logits, loss, margin, two-view cosine) from one forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from cu_core.data.batches import ImageSource
from cu_core.data.views import two_views
from cu_core.learning.network import Network, Outputs

BATCH = 512
# Images that pass at once on a processor: what a layer gives is still in its cache when the next one reads it
# (ten views of an image through resnet8 on one core of an AMD EPYC: 2.3 ms, against 2.7 ms for 512 images at once).
IN_CACHE = 64
FLOAT16_MAX = 65504.0


@dataclass(frozen=True)
class Forward:
    """What one forward pass over n samples gives, as float32 arrays.

    Attributes:
        embedding: (n, d).
        logits: (n, C) of the classes; of encoders log shares of a vote (see `cu_core.engine.encoder_signals`).
        labels: (n,) int64.
        own_loss: (n,) loss of the training that made an encoder; None for classifiers.
        output_top3: (n, 3) highest softmax probabilities over an encoder's outputs; None for classifiers.
        two_view: (n,) cosine of the embeddings of two augmented views; None where no views were passed.
        pair_cosines: (n, V (V - 1) / 2) the same for all pairs of V views; None for classifiers.
    """

    embedding: np.ndarray
    logits: np.ndarray
    labels: np.ndarray
    own_loss: np.ndarray | None = None
    output_top3: np.ndarray | None = None
    two_view: np.ndarray | None = None
    pair_cosines: np.ndarray | None = None

    @property
    def prediction(self) -> np.ndarray:
        """(n,) predicted classes."""
        return self.logits.argmax(1)

    @property
    def loss(self) -> np.ndarray:
        """(n,) float32 cross-entropy in nats; of encoders the loss of their own training."""
        return losses(self.logits, self.labels) if self.own_loss is None else self.own_loss

    @property
    def top1(self) -> np.ndarray:
        """(n,) highest probability, of the classes or of an encoder's outputs."""
        if self.output_top3 is not None:
            return self.output_top3[:, 0]
        return torch.from_numpy(self.logits).double().softmax(1).amax(1).numpy()

    @property
    def finite(self) -> bool:
        """Whether embeddings, logits and what encoders answer are finite numbers."""
        found = (self.embedding, self.logits, self.own_loss, self.output_top3)
        return all(bool(np.isfinite(values).all()) for values in found if values is not None)

    def take(self, rows: np.ndarray) -> Forward:
        """The signals of some rows."""
        taken: dict[str, Any] = {k: None if values is None else values[rows] for k, values in self._values().items()}
        return Forward(**taken)

    def then(self, more: Forward) -> Forward:
        """The rows of both, these first; what one of them lacks is lacking."""
        both: dict[str, Any] = {
            name: None if mine is None or theirs is None else np.concatenate([mine, theirs])
            for (name, mine), theirs in zip(self._values().items(), more._values().values(), strict=True)
        }
        return Forward(**both)

    def _values(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def outputs_of(model: Network, images: torch.Tensor) -> Outputs:
    """What a network answers to a batch, which on a processor passes in even parts of at most `IN_CACHE`.

    Args:
        model: in evaluation mode, so that no image depends on the others.
        images: (n, c, h, w) normalised.
    """
    parts = -(-len(images) // IN_CACHE) if images.device.type == "cpu" else 1
    if parts <= 1:
        return model.outputs(images)
    answers = [model.outputs(part) for part in images.tensor_split(parts)]
    return Outputs(*(torch.cat(values) for values in zip(*answers, strict=True)))


@torch.inference_mode()
def forward(model: Network, source: ImageSource, index: np.ndarray) -> Forward:
    """Embeddings and logits of some samples, in evaluation mode and full precision.

    Args:
        model: left in the mode it was in.
        source: the images.
        index: (n,) indices into the source.
    """
    embeddings, logits, labels = [], [], []
    with evaluating(model):
        for rows in torch.from_numpy(index).split(BATCH):
            x, y = source.take(rows)
            outputs = outputs_of(model, x)
            embeddings.append(outputs.embedding.float().cpu())
            logits.append(outputs.logits.float().cpu())
            labels.append(y.cpu())
    if not embeddings:
        nothing = np.empty((0, model.embedding_dim), np.float32), np.empty((0, model.num_outputs), np.float32)
        return Forward(*nothing, np.empty(0, np.int64))
    return Forward(torch.cat(embeddings).numpy(), torch.cat(logits).numpy(), torch.cat(labels).numpy())


@torch.inference_mode()
def two_view_cosine(model: Network, source: ImageSource, index: np.ndarray, seed: int) -> np.ndarray:
    """Cosine similarity of the embeddings of two augmented views of each sample.

    The views depend on the seed alone, so every round sees the same ones.

    Args:
        model: left in the mode it was in.
        source: the images.
        index: (n,) indices into the source.
        seed: seed of the augmentation.

    Returns:
        (n,) float32 in -1..1.
    """
    generator = torch.Generator().manual_seed(seed)
    cosines = []
    with evaluating(model):
        for rows in torch.from_numpy(index).split(BATCH):
            x, _ = source.take(rows)
            first, second = two_views(x, generator)
            a, b = outputs_of(model, first).embedding.float(), outputs_of(model, second).embedding.float()
            cosines.append(F.cosine_similarity(a, b, dim=1).cpu())
    return torch.cat(cosines).numpy() if cosines else np.empty(0, np.float32)


@contextmanager
def evaluating(model: Network) -> Iterator[None]:
    """Evaluation mode, and afterwards each layer's own mode again: a method may have frozen some layers."""
    modes = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training


def losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) float32 cross-entropy in nats, safe for saturated logits."""
    return F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels), reduction="none").numpy()


def per_sample(outputs: Forward) -> dict[str, np.ndarray]:
    """The recorded signals of one forward pass.

    Args:
        outputs: what was seen of n samples.

    Returns:
        ``embedding`` (n, d) float16, ``logits`` (n, C) float16, ``top3`` (n, 3) float32 probabilities,
        ``top3_class`` (n, 3) int16, ``loss`` (n,) float32 nats, ``margin`` (n,) float32: probability of
        the label minus the highest other probability. Where C < 3 the missing ranks are 0 and -1. Where they
        were passed: ``two_view_cosine`` (n,) float32, ``pair_cosines`` (n, p) float16, ``output_top3`` (n, 3)
        float32. Values beyond the range of float16 are stored as its largest ones.
    """
    probabilities = torch.from_numpy(outputs.logits).double().softmax(1)
    n, classes = probabilities.shape
    k = min(3, classes)
    top, which = probabilities.topk(k, dim=1)
    top3, top3_class = np.zeros((n, 3), np.float32), np.full((n, 3), -1, np.int16)
    top3[:, :k], top3_class[:, :k] = top.numpy(), which.numpy()
    label = torch.from_numpy(outputs.labels)[:, None]
    own = probabilities.gather(1, label)[:, 0]
    other = probabilities.scatter(1, label, -1.0).max(1).values
    optional = {
        "two_view_cosine": outputs.two_view,
        "pair_cosines": None if outputs.pair_cosines is None else outputs.pair_cosines.astype(np.float16),
        "output_top3": outputs.output_top3,
    }
    return {
        "embedding": np.clip(outputs.embedding, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16),
        "logits": np.clip(outputs.logits, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16),
        "top3": top3,
        "top3_class": top3_class,
        "loss": outputs.loss,
        "margin": (own - other).numpy().astype(np.float32),
    } | {name: values for name, values in optional.items() if values is not None}
