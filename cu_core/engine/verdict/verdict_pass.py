"""The answers of one model to the samples of a verdict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from cu_core.data.batches import ImageSource
from cu_core.engine.encoder_pass import index_in
from cu_core.engine.encoder_signals import encode, pair_cosines, view_embeddings
from cu_core.engine.layer_similarity import Activations
from cu_core.engine.setup import RunSetup
from cu_core.engine.signals import forward
from cu_core.engine.verdict.verdict_samples import VerdictSamples
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.metrics.knn import TEMPERATURE, K, weighted_knn
from cu_core.metrics.logit_margin import logit_margins
from cu_core.metrics.questions.verdict_evidence import GroupSeen, ModelSeen

ANCHORS = 64
VIEWS = 4
VIEWS_SEED = 77_003


class VerdictPass:
    """Asks the models of one run the same: always the same samples and the same views of them.

    Args:
        setup: the fixed part of the run.
        samples: which are asked about.
        check: called before each group; may raise to stop.
    """

    def __init__(self, setup: RunSetup, samples: VerdictSamples, check: Callable[[], None] = lambda: None) -> None:
        self.setup = setup
        self.samples = samples
        self.check = check

    def __call__(self, model: Network, layers: Activations) -> ModelSeen:
        """What a model says of all samples.

        Args:
            model: on the device; left in the mode it was in.
            layers: its activations.
        """
        found = self._of_encoder(model) if self.setup.spec.self_supervised else self._of_classifier(model)
        forget, retain, unseen = found
        return ModelSeen(forget, retain, unseen, layers)

    def _groups(self) -> tuple[tuple[ImageSource, np.ndarray], ...]:
        train, test = self.setup.train, self.setup.test
        return (train, self.samples.forget), (train, self.samples.retain), (test, self.samples.unseen)

    def _of_classifier(self, model: Network) -> list[GroupSeen]:
        found = []
        for source, index in self._groups():
            self.check()
            seen = forward(model, source, index)
            logits = seen.logits.astype(np.float64)
            found.append(
                GroupSeen(
                    seen.labels, softmax(logits), logits.argmax(1), logit_margins(logits, seen.labels), seen.embedding
                )
            )
        return found

    def _of_encoder(self, model: Network) -> list[GroupSeen]:
        device, classes = self.setup.device, len(self.setup.data.classes)
        encoded = []
        for source, index in self._groups():
            self.check()
            encoded.append(encode(model, source, index))
        bank = encoded[1]
        found = []
        for place, ((_, index), seen) in enumerate(zip(self._groups(), encoded, strict=True)):
            own = torch.from_numpy(index_in(index, self.samples.retain)) if place == 1 else None
            votes = weighted_knn(
                torch.from_numpy(bank.features).to(device),
                torch.from_numpy(bank.labels).to(device),
                torch.from_numpy(seen.features).to(device),
                K,
                TEMPERATURE,
                classes,
                own,
            )
            outputs = anchor_cosines(seen.embedding, bank.embedding)
            predicted = votes.argmax(1).cpu().numpy()
            found.append(GroupSeen(seen.labels, outputs, predicted, self.alignment(model, place), seen.embedding))
        return found

    def scores(self, model: Network, place: int) -> tuple[np.ndarray, np.ndarray]:
        """`GroupSeen.score` of one group alone, and whether its samples are classified as their labels say.

        Args:
            model: on the device.
            place: 0 forget, 1 retain, 2 unseen.
        """
        if self.setup.spec.self_supervised:
            score = self.alignment(model, place)
            return score, np.zeros(len(score), bool)
        seen = forward(model, *self._groups()[place])
        return logit_margins(seen.logits, seen.labels), seen.prediction == seen.labels

    def alignment(self, model: Network, place: int) -> np.ndarray:
        """(n,) float64 mean cosine of the embeddings of `VIEWS` augmented views of each sample of a group."""
        source, index = self._groups()[place]
        self.check()
        # What an objective draws for a queue that nobody reads must not move the random numbers of anybody else.
        with torch.random.fork_rng(devices=[self.setup.device] if self.setup.device.type == "cuda" else []):
            objective = make_objective(self.setup.spec.train, model, len(self.setup.data.train_labels))
        views = view_embeddings(objective, model, source, index, VIEWS, VIEWS_SEED + place)
        return pair_cosines(views).double().mean(1).numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, C) float64 probabilities."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


def anchor_cosines(embedding: np.ndarray, retained: np.ndarray) -> np.ndarray:
    """An encoder's answers: cosines to some retained samples, which a rotation of the embedding does not change.

    Args:
        embedding: (n, d).
        retained: (m, d) of retained samples, of which `ANCHORS` are taken in even steps.

    Returns:
        (n, a) float64.
    """
    anchors = retained[:: max(1, len(retained) // ANCHORS)][:ANCHORS]
    return np.asarray((_unit(embedding) @ _unit(anchors).T).astype(np.float64))


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
