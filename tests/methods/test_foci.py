"""Feature ordering by conditional independence beside loops over its definition and known cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cu_core.methods import foci
from cu_core.methods.foci import select


def nearest(points: np.ndarray, i: int) -> int:
    others = [j for j in range(len(points)) if j != i]
    return min(others, key=lambda j: math.dist(points[i], points[j]))


def stated(y: np.ndarray, z: np.ndarray, x: np.ndarray | None = None) -> float:
    """T by loops over its definition."""
    n = len(y)
    rank = [sum(y[j] <= y[i] for j in range(n)) for i in range(n)]
    least = [sum(y[j] >= y[i] for j in range(n)) for i in range(n)]
    if x is None:
        above = sum(n * min(rank[i], rank[nearest(z, i)]) - least[i] ** 2 for i in range(n))
        return above / sum(least[i] * (n - least[i]) for i in range(n))
    both = np.hstack([x, z])
    lone = [min(rank[i], rank[nearest(x, i)]) for i in range(n)]
    above = sum(min(rank[i], rank[nearest(both, i)]) - lone[i] for i in range(n))
    return above / sum(rank[i] - lone[i] for i in range(n))


def test_selection_finds_what_the_response_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among 20 variables on very different scales; a few at a time, as if there were little memory."""
    monkeypatch.setattr(foci, "HELD_AT_ONCE", 3 * 400**2)
    generator = torch.Generator().manual_seed(1)
    variables = torch.randn(400, 20, generator=generator)
    response = variables[:, 7] + variables[:, 3].abs()
    assert set(select(response, variables * 10 ** torch.linspace(-3, 3, 20))[:2]) == {3, 7}


@pytest.mark.parametrize("scaled", [True, False])
def test_selection_follows_the_coefficient_step_by_step(scaled: bool) -> None:
    rng = np.random.default_rng(3)
    variables = rng.normal(size=(60, 6))
    y = 2 * variables[:, 2] + variables[:, 4] + 0.3 * rng.normal(size=60)
    variables *= np.array([1, 30, 100, 0.1, 0.1, 10])
    one, other = (torch.tensor(values, dtype=torch.float32) for values in (y, variables))
    chosen = select(one, other, scaled=scaled)
    assert chosen != select(one, other, scaled=not scaled), "the scale should matter in this case"
    if scaled:
        variables = variables / variables.std(0, ddof=1)
    wanted = [max(range(6), key=lambda j: stated(y, variables[:, [j]]))]
    while len(wanted) < 6:
        gains = {j: stated(y, variables[:, [j]], variables[:, wanted]) for j in range(6) if j not in wanted}
        best = max(gains, key=lambda j: gains[j])
        if gains[best] <= 0:
            break
        wanted.append(best)
    assert chosen == wanted
    assert 1 < len(wanted) < 6


def test_selection_of_constants_ends_at_the_first() -> None:
    assert select(torch.arange(5.0), torch.zeros(5, 3)) == [0]
