"""FOCI: feature selection by a model-free coefficient of conditional dependence.

Source: Azadkia & Chatterjee, A simple measure of conditional dependence, Annals of Statistics 2021
(arXiv 1910.12327): the coefficient T and the forward selection FOCI built on it.
"""

from __future__ import annotations

from collections.abc import Callable

from cu_core.base.heavy import torch

# Distances of as many candidates are held at once as fit into so many numbers.
HELD_AT_ONCE = 2**24


def select(
    response: torch.Tensor, variables: torch.Tensor, check: Callable[[], None] = lambda: None, *, scaled: bool = True
) -> list[int]:
    """The variables that a response depends on, by forward selection.

    The first is the one with the largest T. Then that with the largest T given the chosen ones is added, as long as
    it is above 0. Variables are brought to variance 1 before, as in the authors' package; L-CODEC's released code
    takes them as they are.

    T = Σ (n min(R_i, R_M(i)) - L_i²) / Σ L_i (n - L_i), and given other variables
    T = Σ (min(R_i, R_M(i)) - min(R_i, R_N(i))) / Σ (R_i - min(R_i, R_N(i))). R_i and L_i count the responses that are
    at most and at least the i-th; M(i) is the nearest neighbour of i in all variables, N(i) that in the given ones.
    Of equally near neighbours the one with the lowest index counts.

    Args:
        response: (n,).
        variables: (n, p).
        check: called before each search through the variables; may raise to stop.
        scaled: whether variables are brought to variance 1.

    Returns:
        Columns in the order in which they were chosen; at least one.
    """
    n, p = variables.shape
    rank = _rank(response)
    if scaled:
        variables = (variables - variables.mean(0)) / variables.std(0).clamp(min=torch.finfo(variables.dtype).tiny)
    apart = torch.zeros(n, n, device=variables.device).fill_diagonal_(torch.inf)
    reached, chosen = torch.tensor(-torch.inf), list[int]()
    while len(chosen) < p:
        check()
        # The denominators of T are the same for all candidates, and positive wherever a numerator is.
        lower = torch.cat([_lower(rank, apart + _spreads(part)) for part in variables.T.split(_at_once(n))])
        lower[chosen] = -torch.inf
        best = int(lower.argmax())
        if chosen and lower[best] <= reached:
            break
        chosen.append(best)
        apart = apart + _spreads(variables.T[best : best + 1])[0]
        reached = _lower(rank, apart)
    return chosen


def _rank(response: torch.Tensor) -> torch.Tensor:
    """(n,) number of responses that are at most as large as each of them."""
    return (response[None, :] - response[:, None] <= 0).sum(1).float()


def _spreads(variables: torch.Tensor) -> torch.Tensor:
    """(k, n, n) squared differences of each of (k, n) variables."""
    return (variables[:, :, None] - variables[:, None, :]).square()


def _lower(rank: torch.Tensor, apart: torch.Tensor) -> torch.Tensor:
    """Σ_i min(R_i, R of i's nearest neighbour), for distances (..., n, n)."""
    return torch.minimum(rank, rank[apart.argmin(-1)]).sum(-1)


def _at_once(n: int) -> int:
    return max(1, HELD_AT_ONCE // n**2)
