"""Freezes all but the last blocks of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cu_core.base.heavy import torch
from cu_core.learning.network_blocks import blocks

if TYPE_CHECKING:
    from cu_core.learning.network import Network


def last_blocks(model: Network, k: int) -> list[str]:
    """Names of the modules in the last `k` blocks; of the network itself where it has no more blocks."""
    all_blocks = blocks(model)
    return [name for block in all_blocks[-k:] for name in block] if k < len(all_blocks) else [""]


@contextmanager
def only(model: torch.nn.Module, names: Sequence[str]) -> Iterator[None]:
    """Switches the gradients of all other modules' parameters off, and afterwards on again."""
    learning = {id(p) for name in names for p in model.get_submodule(name).parameters()}
    frozen = [p for p in model.parameters() if p.requires_grad and id(p) not in learning]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


def train_mode(model: torch.nn.Module, names: Sequence[str]) -> None:
    """Puts the named modules into training mode and all others into evaluation mode, so that no statistics move."""
    inside = {id(module) for name in names for module in model.get_submodule(name).modules()}
    for module in model.modules():
        module.training = id(module) in inside
