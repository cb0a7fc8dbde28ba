"""The heavy packages: one list, and names for some of them that load them at their first use.

A method, a backbone or an attack says in one file what it is and what it computes. Pages and the command line read the
first half and must not wait seconds, or hold a gigabyte, for the second. So such a file takes its packages from here:
``from cu_core.base.heavy import torch`` costs nothing until ``torch.something`` is asked for.

`importlib.util.LazyLoader`, and `lazy_loader` which rests on it, put an unloaded module into `sys.modules`. Whatever
looks through that for the module of a frame (`inspect.getmodule`, which Streamlit calls where a component is declared)
touches it, and thereby loads it. The stand-in here is known to nobody else.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

HEAVY = ("torch", "torchvision", "sklearn", "umap", "openTSNE", "timm", "lightly", "open_clip")
"""What no page may load. Loading them takes seconds and up to a gigabyte."""


class _Later(ModuleType):
    """Stands for a module until its first attribute is asked for."""

    def __getattr__(self, name: str) -> Any:
        # Dunders are asked for by whoever only looks at a module, as copying and documenting tools do.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        value = getattr(importlib.import_module(self.__name__), name)
        # Next time Python finds it without asking here.
        self.__dict__[name] = value
        return value


def later(name: str) -> Any:
    """A stand-in for a module of ours that is heavy itself, such as one that subclasses what torch offers.

    Args:
        name: full dotted name.

    Example:
        >>> json = later("json")
        >>> json.dumps([1])
        '[1]'
    """
    return _Later(name)


if TYPE_CHECKING:
    import torch as torch
else:
    torch = later("torch")
