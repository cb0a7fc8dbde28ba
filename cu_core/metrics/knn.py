"""Weighted nearest neighbours: class predictions for an encoder that has no classes (Wu et al., CVPR 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

K = 200
TEMPERATURE = 0.1
# Similarities held at once; 64 MB in float32.
_CHUNK = 2**24


@torch.no_grad()
def weighted_knn(
    bank: Tensor,
    bank_labels: Tensor,
    queries: Tensor,
    k: int,
    temperature: float,
    classes: int,
    own: Tensor | None = None,
) -> Tensor:
    """Shares of the votes that each class gets from a query's nearest neighbours.

    Each of the k neighbours with the highest cosine s votes for its label with weight exp(s / temperature)
    (Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination, Eq. 7's classifier in
    section 3.4). The votes are divided by their sum, which changes no prediction.

    Args:
        bank: (m, w) features of the samples that vote; normalised here.
        bank_labels: (m,) int64 their labels.
        queries: (n, w) features; normalised here.
        k: number of neighbours, never more than the bank has.
        temperature: of the similarities; not the one of a contrastive loss.
        classes: C, number of classes.
        own: (n,) int64 row of each query in the bank, -1 where it is not there. A query has no vote on itself.

    Returns:
        (n, C) float32 on the device of `queries`, each row sums to 1; 1 / C where nobody can vote.
    """
    votes = torch.full((len(queries), classes), 1 / classes, device=queries.device)
    if len(bank) == 0:
        return votes
    others = F.normalize(bank.float(), dim=1).T
    step = max(1, _CHUNK // len(bank))
    for start in range(0, len(queries), step):
        similarity = F.normalize(queries[start : start + step].float(), dim=1) @ others
        if own is not None:
            row = own[start : start + step].to(similarity.device)
            inside = torch.nonzero(row >= 0)[:, 0]
            similarity[inside, row[inside]] = -torch.inf
        nearest, which = similarity.topk(min(k, len(bank)), dim=1)
        able = torch.isfinite(nearest[:, 0])
        weight = (nearest[able] / temperature).softmax(1)
        label = bank_labels.to(which.device)[which[able]]
        chunk = votes[start : start + step]
        chunk[able] = torch.zeros(len(weight), classes, device=votes.device).scatter_add_(1, label, weight)
    return votes
