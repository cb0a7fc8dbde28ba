"""Linear probing: accuracy on forgotten classes of a linear classifier on a model's frozen features."""

from __future__ import annotations

import numpy as np
import torch

from cu_core.engine.encoder_signals import encode
from cu_core.engine.setup import RunSetup
from cu_core.learning.network import Network
from cu_core.metrics.linear import fit_linear

# Training samples of each class that the probe is fitted to, and the most of all together.
PER_CLASS = 100
MOST = 2000
SEED = 5


def probe_recovery(model: Network, setup: RunSetup) -> float | None:
    """Accuracy, on unseen samples of the forgotten classes, of a linear probe that is shown all classes.

    The probe (multinomial logistic regression, `fit_linear`) is fitted to trunk features of the same number of
    training samples of every class, the forgotten ones included. A model whose head alone was changed is found out:
    its features still tell the forgotten class as well as before. Features of a retrained model tell it too, to the
    extent that other classes teach them to; that is the level to compare with.

    Args:
        model: left in the mode it was in.
        setup: the fixed part of the run.

    Returns:
        0..1; None in sample forgetting, and where no unseen sample of the classes is left to judge by.
    """
    if setup.forget.task != "class":
        return None
    unseen = setup.reported_unseen
    judged = unseen[np.isin(setup.data.test_labels[unseen], setup.forget.classes)]
    if len(judged) == 0:
        return None
    fitted = encode(model, setup.train, _training_rows(setup))
    held_out = encode(model, setup.test, judged)
    if not (np.isfinite(fitted.features).all() and np.isfinite(held_out.features).all()):
        return None
    weight, bias = fit_linear(
        torch.from_numpy(fitted.features), torch.from_numpy(fitted.labels), len(setup.data.classes)
    )
    predicted = (torch.from_numpy(held_out.features).to(weight) @ weight.T + bias).argmax(1).cpu().numpy()
    return float((predicted == held_out.labels).mean())


def _training_rows(setup: RunSetup) -> np.ndarray:
    """Training samples that the probe learns from: as many of each class, the same for every model of the run."""
    labels = setup.data.train_labels
    rng = np.random.default_rng([setup.spec.probe.seed, SEED])
    size = max(2, min(PER_CLASS, MOST // len(setup.data.classes)))
    return np.concatenate(
        [rng.permutation(np.flatnonzero(labels == label))[:size] for label in range(len(setup.data.classes))]
    )
