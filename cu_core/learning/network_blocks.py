"""The blocks of a network from its images to its answers."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from cu_core.learning.network import Network

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm)


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
            if isinstance(block, _NORMS) and found:
                found[-1].append(path)
            else:
                found.append([path])
    return found


def _taken_apart(name: str, module: nn.Module, *, always: bool = False) -> Iterator[tuple[str, nn.Module]]:
    if not (always or isinstance(module, _CONTAINERS) or _holds_blocks(module)):
        yield name, module
        return
    children = [(n, child) for n, child in module.named_children() if any(True for _ in child.parameters())]
    for child_name, child in children:
        # A trunk that is nothing but a wrapper says nothing of blocks.
        yield from _taken_apart(f"{name}.{child_name}", child, always=always and len(children) == 1)


def _holds_blocks(module: nn.Module) -> bool:
    sequences = (m for m in module.modules() if isinstance(m, _CONTAINERS))
    return any(_is_composite(child) for sequence in sequences for child in sequence.children())


def _is_composite(module: nn.Module) -> bool:
    """Whether a module that is no sequence has parts with weights."""
    parts = (part for child in module.children() for part in child.parameters())
    return not isinstance(module, _CONTAINERS) and any(True for _ in parts)
