"""The blocks of a network in the order in which an image passes them."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from cu_core.models.network import Network

# What only holds other modules: looked into, never a block itself.
_HOLDERS = (nn.Sequential, nn.ModuleList)


def blocks(model: Network) -> list[tuple[str, nn.Module]]:
    """The parts of a network that carry weights, from the image to the answer.

    Containers are opened; what remains (a layer, a residual or transformer block) is a block if it has a weight of
    two dimensions or more. Norms between layers belong to nobody here.

    Args:
        model: any network.

    Returns:
        Names as in ``model.named_modules()``, and the modules.
    """
    found: list[tuple[str, nn.Module]] = []
    for name, module in _opened("", model, first=True):
        if any(parameter.ndim >= 2 for parameter in module.parameters()):
            found.append((name, module))
    return found


def _opened(name: str, module: nn.Module, *, first: bool = False) -> Iterator[tuple[str, nn.Module]]:
    """The module, or in its place what it holds: of containers, of the network and its trunk, and of a wrapped one."""
    opens = first or isinstance(module, (*_HOLDERS, Network)) or name == "trunk" or name.endswith("trunk.model")
    children = list(module.named_children())
    if not opens or not children:
        yield name, module
        return
    for child, inner in children:
        yield from _opened(f"{name}.{child}" if name else child, inner)
