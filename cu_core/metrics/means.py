"""Mean signals (loss, confidence, cosine) of forget and of unseen samples."""

from __future__ import annotations

import numpy as np

from cu_core.catalogue.metric_record import Metric


def mean(values: np.ndarray | None) -> float | None:
    """Mean of one number per sample; None where nothing was measured."""
    return float(np.mean(values, dtype=np.float64)) if values is not None and len(values) else None


FORGET_TOP1 = Metric(
    "forget_top1",
    "Top-1 probability, forget",
    "Mean highest class probability of forget samples; encoders: softmax over the outputs. Target: that of "
    "the reference.",
    lambda evidence: mean(evidence.forget.top1),
    "forget",
    target="the reference",
    percent=False,
    signed=False,
)
UNSEEN_TOP1 = Metric(
    "unseen_top1",
    "Top-1 probability, unseen",
    "Mean highest class probability of unseen samples; encoders: softmax over the outputs.",
    lambda evidence: mean(evidence.unseen.top1),
    "unseen",
    percent=False,
    signed=False,
)
FORGET_LOSS = Metric(
    "forget_loss",
    "Loss, forget",
    "Mean cross-entropy of forget samples in nats; encoders: the loss of their own training between two "
    "fixed views (nats; BYOL: 0 to 4). Target: that of the reference.",
    lambda evidence: mean(evidence.forget.loss),
    "forget",
    target="the reference",
    unit="nats",
    percent=False,
    bounded=False,
    signed=False,
)
UNSEEN_LOSS = Metric(
    "unseen_loss",
    "Loss, unseen",
    "The same mean loss of unseen samples.",
    lambda evidence: mean(evidence.unseen.loss),
    "unseen",
    unit="nats",
    percent=False,
    bounded=False,
    signed=False,
)
FORGET_TWO_VIEW = Metric(
    "forget_two_view",
    "Two-view cosine, forget",
    "Mean cosine of the embeddings of two augmented views of a forget sample. Target: that of the reference.",
    lambda evidence: mean(evidence.forget.two_view),
    "forget",
    target="the reference",
    percent=False,
    recorded="some",
)
UNSEEN_TWO_VIEW = Metric(
    "unseen_two_view",
    "Two-view cosine, unseen",
    "Mean cosine of the embeddings of two augmented views of an unseen sample.",
    lambda evidence: mean(evidence.unseen.two_view),
    "unseen",
    percent=False,
    recorded="some",
)
