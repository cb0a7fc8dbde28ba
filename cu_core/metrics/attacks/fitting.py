"""The signals that membership attacks use, and their fitting to known members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cu_core.base.registry import imported
from cu_core.catalogue.attack_record import Attack
from cu_core.metrics.attacks.probabilities import cross_entropy, entropy, log_odds, modified_entropy, of_label

# Losses and log-odds beyond this are equally extreme; a learned attack would see nothing but them.
CLIP = 100.0


@dataclass(frozen=True)
class Signals:
    """The outputs of one model for n samples.

    Attributes:
        loss: (n,) float64, training loss of each sample: cross-entropy in nats, or an encoder's own.
        odds: (n, K) float64 log-odds of the model's outputs; of an encoder, whose K outputs are read as classes,
            as Wang and Chen do (arXiv 2405.07317).
        labels: (n,) int64 classes; None for encoders, whose outputs are no classes.
        pair_cosines: (n, P) float64, cosines of all pairs of views.
    """

    loss: np.ndarray
    odds: np.ndarray
    labels: np.ndarray | None
    pair_cosines: np.ndarray

    @classmethod
    def of_classifier(cls, logits: np.ndarray, labels: np.ndarray, pair_cosines: np.ndarray) -> Signals:
        """From (n, C) logits, (n,) labels and (n, P) cosines."""
        odds = log_odds(logits)
        return cls(cross_entropy(odds, labels), odds, labels, pair_cosines.astype(np.float64))

    @classmethod
    def of_encoder(cls, outputs: np.ndarray, loss: np.ndarray, pair_cosines: np.ndarray) -> Signals:
        """From (n, K) outputs, (n,) losses of the training objective and (n, P) cosines."""
        return cls(loss.astype(np.float64), log_odds(outputs), None, pair_cosines.astype(np.float64))

    def __len__(self) -> int:
        return len(self.loss)

    def take(self, rows: np.ndarray) -> Signals:
        """The signals of some samples."""
        labels = None if self.labels is None else self.labels[rows]
        return Signals(self.loss[rows], self.odds[rows], labels, self.pair_cosines[rows])

    def join(self, more: Signals) -> Signals:
        """The samples of both, these first."""
        both = None
        if self.labels is not None and more.labels is not None:
            both = np.concatenate([self.labels, more.labels])
        return Signals(
            np.concatenate([self.loss, more.loss]),
            np.concatenate([self.odds, more.odds]),
            both,
            np.concatenate([self.pair_cosines, more.pair_cosines]),
        )

    @property
    def confidence(self) -> np.ndarray:
        """(n,) log-odds of the highest probability."""
        return self.odds.max(1)

    @property
    def entropy(self) -> np.ndarray:
        """(n,) nats."""
        return entropy(self.odds)

    @property
    def modified_entropy(self) -> np.ndarray:
        """(n,) nats.

        Raises:
            ValueError: an encoder's outputs are no classes.
        """
        if self.labels is None:
            raise ValueError("modified entropy needs labels that are classes of the model")
        return modified_entropy(self.odds, self.labels)

    def table(self) -> np.ndarray:
        """The features of learned attacks on outputs, (n, 5) for classifiers and (n, 4) for encoders, float64.

        Loss (clipped to ±100), highest probability, entropy, log-odds of the highest probability (clipped to
        ±100) of an encoder or of the label of a classifier, and for classifiers modified entropy (clipped).
        """
        top = self.confidence
        probability = np.exp(-np.logaddexp(0.0, -top))
        if self.labels is None:
            return np.stack([_clip(self.loss), probability, self.entropy, _clip(top)], 1)
        own = of_label(self.odds, self.labels)
        return np.stack([_clip(self.loss), probability, self.entropy, _clip(own), _clip(self.modified_entropy)], 1)


@dataclass(frozen=True)
class Judge:
    """A fitted attack.

    Attributes:
        score: from n samples' signals to (n,) float64, larger for samples that look more like members.
        threshold: judged a member is what scores at least that much.
    """

    score: Callable[[Signals], np.ndarray]
    threshold: float


Fit = Callable[[Signals, np.ndarray, int], Judge]
"""From the signals of n samples, (n,) bool who is a member, and a seed to a fitted attack."""


def fit(attack: Attack, signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """Fits an attack.

    Args:
        attack: which one.
        signals: of n samples whose membership the attacker knows.
        member: (n,) bool, with both kinds.
        seed: of what is random in the fit.

    Raises:
        ValueError: there is nothing to learn from, or a signal is not a finite number.
    """
    if not (member.any() and (~member).any()):
        raise ValueError("fitting needs members and non-members")
    found: Judge = imported(attack.fit)(signals, member, seed)
    return found


def _clip(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -CLIP, CLIP)
