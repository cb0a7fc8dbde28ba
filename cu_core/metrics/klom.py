"""KLoM: how far the margins of unlearned models lie from those of retrained ones, sample by sample."""

from __future__ import annotations

import numpy as np

FEWEST_PAIRS = 50
"""Models on either side: a histogram of 20 bins over fewer says what the bins are, not what the models are."""
BINS = 20
LIMIT = 100.0
LEAST = 1e-5


def klom(unlearned: np.ndarray, retrained: np.ndarray, *, as_published: bool = False) -> float:
    """KL(unlearned ‖ retrained) between two histograms of one sample's margins.

    Georgiev et al., Attribute-to-Delete, ICLR 2025 (arXiv 2410.23232). Margins are cut to ±100; 20 equal bins reach
    from the smallest to the largest of both; a bin that only unlearned models reach counts as if 1e-5 of the retrained
    ones did.

    Args:
        unlearned: (N,) margins under unlearned models.
        retrained: (M,) margins under models that were trained without the sample.
        as_published: leaves out what the public code leaves out: the largest margin falls beyond its last bin.

    Returns:
        Nats, 0 where the histograms are the same.
    """
    p, q = np.clip(unlearned, -LIMIT, LIMIT), np.clip(retrained, -LIMIT, LIMIT)
    low, high = min(p.min(), q.min()), max(p.max(), q.max())
    edges = np.linspace(low, high if low < high else low + 1.0, BINS + 1)
    if as_published:
        p, q = p[p < edges[-1]], q[q < edges[-1]]
    shares = []
    for values in (p, q):
        counts = np.histogram(values, edges)[0].astype(np.float64)
        shares.append(counts / max(counts.sum(), 1.0))
    reached = shares[0] > 0
    mine, theirs = shares[0][reached], np.maximum(shares[1][reached], LEAST)
    return float((mine * np.log(mine / theirs)).sum())
