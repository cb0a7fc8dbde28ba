"""How much of a forgotten class a linear probe still finds in a model's frozen features."""

from __future__ import annotations

import numpy as np
import torch

from cu_core.engine.encoder_signals import encode
from cu_core.engine.setup import Bench
from cu_core.learning.network import Network
from cu_core.metrics.linear import fit_linear

# Training samples of each class that the probe is fitted to, and the most of all together.
PER_CLASS = 100
MOST = 2000
SEED = 5


def probe_recovery(model: Network, bench: Bench) -> float | None:
    """Accuracy, on unseen samples of the forgotten classes, of a linear probe that is shown all classes.

    The probe (multinomial logistic regression, `fit_linear`) is fitted to trunk features of the same number of
    training samples of every class, the forgotten ones included. A model whose head alone was changed is found out:
    its features still tell the forgotten class as well as before. Features of a retrained model tell it too, to the
    extent that other classes teach them to; that is the level to compare with.

    Args:
        model: left in the mode it was in.
        bench: the fixed part of the run.

    Returns:
        0..1; None in sample forgetting, and where no unseen sample of the classes is left to judge by.
    """
    if bench.forget.task != "class":
        return None
    unseen = bench.reported_unseen
    judged = unseen[np.isin(bench.data.test_labels[unseen], bench.forget.classes)]
    if len(judged) == 0:
        return None
    shown = encode(model, bench.train, _shown(bench))
    asked = encode(model, bench.test, judged)
    if not (np.isfinite(shown.features).all() and np.isfinite(asked.features).all()):
        return None
    weight, bias = fit_linear(torch.from_numpy(shown.features), torch.from_numpy(shown.labels), len(bench.data.classes))
    predicted = (torch.from_numpy(asked.features).to(weight) @ weight.T + bias).argmax(1).cpu().numpy()
    return float((predicted == asked.labels).mean())


def _shown(bench: Bench) -> np.ndarray:
    """Training samples that the probe learns from: as many of each class, the same for every model of the run."""
    labels = bench.data.train_labels
    rng = np.random.default_rng([bench.spec.probe.seed, SEED])
    size = max(2, min(PER_CLASS, MOST // len(bench.data.classes)))
    return np.concatenate(
        [rng.permutation(np.flatnonzero(labels == label))[:size] for label in range(len(bench.data.classes))]
    )
