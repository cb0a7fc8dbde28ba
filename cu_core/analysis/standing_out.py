"""The recorded forget samples on which a model differs most from retrained ones."""

from __future__ import annotations

import numpy as np

from cu_core.analysis.recorded_signals import signal_of
from cu_core.catalogue.objective_record import objective
from cu_core.runstore.reader import RunView

MOST_SURE = 30.0
"""Log-odds beyond which a stored loss no longer tells probabilities from 0 or 1 apart."""


def can_stand_out(view: RunView) -> bool:
    """Whether a run has recorded what it takes: rounds, and a reference."""
    return bool(view.rounds()) and bool(view.references())


def standing_out(view: RunView, count: int, side: str = "both") -> np.ndarray:
    """Forget samples by the difference of their score after unlearning to the references' mean score, largest first.

    The score of classifiers is the log-odds of the label, of encoders minus the loss.

    Args:
        view: the run.
        count: how many at most.
        side: ``"high"`` for samples known better than by retrained models, ``"low"`` for worse, ``"both"`` for the
            largest differences of either kind.

    Returns:
        (k,) int64 rows of the probe, the farthest first; empty where nothing was recorded to tell by.
    """
    rounds, seeds = view.rounds(), view.references()
    after = signal_of(view, "loss", rounds[-1]) if rounds else None
    references = [found for seed in seeds if (found := signal_of(view, "loss", None, seed)) is not None]
    if after is None or not references:
        return np.empty(0, np.int64)
    encoder = objective(view.spec.train.objective).self_supervised
    own, others = score_of(after, encoder=encoder), np.mean([score_of(r, encoder=encoder) for r in references], axis=0)
    forget = np.flatnonzero((view.probe()["group"] == "forget").to_numpy())
    off = (own - others)[forget]
    size = {"high": off, "low": -off}.get(side, np.abs(off))
    return np.asarray(forget[np.argsort(-size, kind="stable")[:count]], dtype=np.int64)


def score_of(loss: np.ndarray, *, encoder: bool) -> np.ndarray:
    """(n,) float64 score of samples, larger for what is known better.

    Args:
        loss: (n,) as recorded: cross-entropy in nats, of encoders the loss of their training.
        encoder: whether it is an encoder's.
    """
    values = np.asarray(loss, np.float64)
    if encoder:
        return -values
    # log p - log(1 - p) of p = exp(-loss).
    return np.clip(-values - np.log(-np.expm1(-np.maximum(values, 1e-13))), -MOST_SURE, MOST_SURE)
