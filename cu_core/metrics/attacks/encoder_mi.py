"""EncoderMI (Liu et al., CCS 2021): an encoder makes the views of images that it was trained on more alike.

Three classifiers read the cosines of all pairs of views of a sample: their mean (T), their sorted vector (V),
their set (S).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.metrics.attacks.fitting import Judge, Signals
from cu_core.metrics.attacks.scaling import FeatureScale, limited
from cu_core.metrics.attacks.threshold import fit_signal

# The paper trains the vector network for 300 epochs with Adam at 1e-4. Standardised features allow larger steps,
# and a fixed number of them makes the time of a fit independent of the number of samples.
STEPS = 150
BATCH = 256
LR = 2e-3
VECTOR_HIDDEN = 256
SET_HIDDEN = 32


def fit_mean(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """EncoderMI-T: a threshold on the mean cosine, over the whole range from -1 to 1."""
    return fit_signal(lambda s: s.pair_cosines.mean(1), signals, member)


def fit_vector(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """EncoderMI-V: two hidden layers of 256 on the cosines in descending order."""

    def features(s: Signals) -> np.ndarray:
        return -np.sort(-s.pair_cosines, axis=1)

    rows = limited(member, seed)
    known = features(signals.take(rows))
    scale = FeatureScale.of(known)
    with _seeded(seed):
        network = nn.Sequential(
            nn.Linear(known.shape[1], VECTOR_HIDDEN),
            nn.ReLU(),
            nn.Linear(VECTOR_HIDDEN, VECTOR_HIDDEN),
            nn.ReLU(),
            nn.Linear(VECTOR_HIDDEN, 1),
        )
    _train(network, _tensor(scale(known)), member[rows], seed)
    return Judge(lambda s: _answers(network, _tensor(scale(features(s)))), 0.0)


def fit_set(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """EncoderMI-S: DeepSets, which cannot see the order of the cosines."""
    rows = limited(member, seed)
    known = signals.take(rows).pair_cosines
    scale = FeatureScale.of(known, axis=(0, 1))
    with _seeded(seed):
        network = DeepSets(SET_HIDDEN)
    _train(network, _tensor(scale(known)), member[rows], seed)
    return Judge(lambda s: _answers(network, _tensor(scale(s.pair_cosines))), 0.0)


class DeepSets(nn.Module):
    """A function of a set of numbers (Zaheer et al. 2017): each is embedded alone, the mean decides.

    Args:
        hidden: width of both parts.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.element = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.decide = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, sets: Tensor) -> Tensor:
        """One number (n, 1) for each of the sets (n, k)."""
        return self.decide(self.element(sets[:, :, None]).mean(1))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """A block in which torch's initial weights come from a seed, and that leaves no trace outside."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _train(network: nn.Module, features: Tensor, member: np.ndarray, seed: int) -> None:
    """Trains a network by cross-entropy, members and others weighing the same, on the CPU."""
    target = torch.from_numpy(member.astype(np.float32))
    weight = torch.where(target > 0, 0.5 / target.mean(), 0.5 / (1 - target).mean())
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=LR)
    batch = min(BATCH, len(features))
    order = torch.empty(0, dtype=torch.int64)
    for _ in range(STEPS):
        if len(order) < batch:
            order = torch.cat([order, torch.randperm(len(features), generator=generator)])
        rows, order = order[:batch], order[batch:]
        logits = network(features[rows])[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, target[rows], weight[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _answers(network: nn.Module, features: Tensor) -> np.ndarray:
    return torch.cat([network(part)[:, 0] for part in features.split(4096)]).double().numpy()


def _tensor(features: np.ndarray) -> Tensor:
    return torch.from_numpy(features.astype(np.float32))
