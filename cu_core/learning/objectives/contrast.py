"""InfoNCE of single samples, which MoCo and SimCLR have in common."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Similarities that are held at once, so that many samples against many others stay within bounds.
MOST_SIMILARITIES = 2**24


def info_nce(anchor: Tensor, positive: Tensor, others: Tensor, temperature: float) -> Tensor:
    """-log of the positive's share among the positive and the others, by cosine (van den Oord et al. 2018, Eq. 4).

    Args:
        anchor: (n, d), of any length above 0.
        positive: (n, d).
        others: (m, d); the same for every anchor.
        temperature: divides the cosines.

    Returns:
        (n,) float32.
    """
    anchor, positive, others = (F.normalize(part.float(), dim=1) for part in (anchor, positive, others))
    losses = []
    rows = max(1, MOST_SIMILARITIES // max(1, len(others)))
    for a, p in zip(anchor.split(rows), positive.split(rows), strict=True):
        near = (a * p).sum(1, keepdim=True) / temperature
        losses.append(torch.cat([near, a @ others.T / temperature], dim=1).logsumexp(1) - near[:, 0])
    return torch.cat(losses)
