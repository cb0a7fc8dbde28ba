"""Secant estimates of a loss's curvature along single directions, and the damped low-rank systems they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from cu_core.base.heavy import torch
from cu_core.methods.context import Context

Named: TypeAlias = "dict[str, torch.Tensor]"
Batch: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


class Secant:
    """How a gradient changes along one step of gradient descent: curvature in one direction.

    Attributes:
        change: gradient after the step less that before, by parameter.
        move: the step, by parameter.
    """

    def __init__(self) -> None:
        self.change: Named = {}
        self.move: Named = {}

    def state_dict(self) -> dict[str, Any]:
        """``change`` and ``move``."""
        return {"change": self.change, "move": self.move}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over `state_dict`."""
        self.change, self.move = state["change"], state["move"]


def gradient(context: Context, batches: Sequence[Batch]) -> Named:
    """Gradient of the mean loss over all samples of some batches, by parameter."""
    named = dict(context.model.named_parameters())
    total = sum(len(y) for _, y in batches)
    found = {name: torch.zeros_like(p) for name, p in named.items()}
    for x, y in batches:
        context.check()
        loss = context.loss(context.model(x).float(), y) * len(y) / total
        for name, part in zip(
            named, torch.autograd.grad(loss, list(named.values()), materialize_grads=True), strict=True
        ):
            found[name] += part
    return found


def secant(context: Context, batches: Sequence[Batch], before: Named, lr: float) -> Secant:
    """How the gradient changes by one step of gradient descent; the model is left as it was.

    Args:
        context: whose model is evaluated.
        batches: what the gradient is taken on.
        before: the gradient at the model.
        lr: size of the step.
    """
    found = Secant()
    found.move = {name: -lr * value for name, value in before.items()}
    named = dict(context.model.named_parameters())
    stored = {name: p.detach().clone() for name, p in named.items()}
    with torch.no_grad():
        for name, p in named.items():
            p.add_(found.move[name])
    after = gradient(context, batches)
    with torch.no_grad():
        for name, p in named.items():
            p.copy_(stored[name])
    found.change = {name: after[name] - before[name] for name in before}
    return found


def solve(damping: float, terms: Sequence[tuple[float, torch.Tensor]], right: torch.Tensor) -> torch.Tensor:
    """(λI + Σ w_k u_k u_kᵀ)⁻¹ r by one Sherman-Morrison update per term.

    A term that would leave the matrix not positive definite is left out: a step along it would have no bound, or the
    wrong direction.

    Args:
        damping: λ > 0.
        terms: w_k and u_k (q,).
        right: r (q,).

    Returns:
        (q,).
    """
    done: list[tuple[float, torch.Tensor]] = []

    def inverse(vector: torch.Tensor) -> torch.Tensor:
        found = vector / damping
        for weight, direction in done:
            found = found - weight * direction * (direction @ vector)
        return found

    for weight, vector in terms:
        direction = inverse(vector)
        scale = 1 + weight * float(vector @ direction)
        if scale > 0:
            done.append((weight / scale, direction))
    return inverse(right)
