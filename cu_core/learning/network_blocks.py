"""The blocks of a network in the order of its forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cu_core.base.heavy import torch

if TYPE_CHECKING:
    from cu_core.learning.network import Network


def blocks(model: Network) -> list[list[str]]:
    """The blocks of a network in the order in which an image passes them, each as the names of its modules.

    A block is a residual or transformer block, or a layer with weights outside of any; normalisation belongs to
    what stands before it. They are found in the module tree: sequences are taken apart, and so are modules that
    hold sequences of blocks, such as the trunk of a foreign library. A residual block holds only sequences of
    layers, for its shortcut, and stays whole.

    Args:
        model: trunk, then projector, then head or predictor.

    Returns:
        Dotted names as in `torch.nn.Module.get_submodule`.
    """
    found: list[list[str]] = []
    for name, module in model.named_children():
        for path, block in _taken_apart(name, module, always=name == "trunk"):
            if _is_norm(block) and found:
                found[-1].append(path)
            else:
                found.append([path])
    return found


def _taken_apart(name: str, module: torch.nn.Module, *, always: bool = False) -> Iterator[tuple[str, torch.nn.Module]]:
    if not (always or _is_container(module) or _holds_blocks(module)):
        yield name, module
        return
    children = [(n, child) for n, child in module.named_children() if any(True for _ in child.parameters())]
    for child_name, child in children:
        # A trunk that is nothing but a wrapper says nothing of blocks.
        yield from _taken_apart(f"{name}.{child_name}", child, always=always and len(children) == 1)


def _holds_blocks(module: torch.nn.Module) -> bool:
    sequences = (m for m in module.modules() if _is_container(m))
    return any(_is_composite(child) for sequence in sequences for child in sequence.children())


def _is_composite(module: torch.nn.Module) -> bool:
    """Whether a module that is no sequence has parts with weights."""
    parts = (part for child in module.children() for part in child.parameters())
    return not _is_container(module) and any(True for _ in parts)


def _is_container(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.Sequential | torch.nn.ModuleList | torch.nn.ModuleDict)


def _is_norm(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.modules.batchnorm._NormBase | torch.nn.LayerNorm | torch.nn.GroupNorm)
