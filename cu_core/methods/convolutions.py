"""The convolutions of a network that have weights of their own to train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cu_core.base.heavy import torch

if TYPE_CHECKING:
    from collections.abc import Mapping


def trained_convolutions(model: torch.nn.Module) -> Mapping[str, torch.nn.Conv2d]:
    """The 2-d convolutions with trainable weights, in the order of the module tree.

    Fixed ones, such as a whitening layer whose weights are a buffer, say nothing of what was learned from whom.

    Args:
        model: a network.

    Returns:
        By dotted name; empty where the network has none.
    """
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Conv2d)
        and isinstance(module.weight, torch.nn.Parameter)
        and module.weight.requires_grad
    }


def why_no_convolution(model: torch.nn.Module) -> str | None:
    """Why a method that changes convolutions cannot unlearn from a network; None if it can."""
    return None if trained_convolutions(model) else "changes trained convolutions, and this network has none"
