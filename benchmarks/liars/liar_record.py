"""The record of a liar: a way of only seeming to unlearn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.liars.scene import Scene
from cu_core.learning.network import Network


@dataclass(frozen=True)
class Pretence:
    """What a liar hands in.

    Attributes:
        live: the model as it answers while it is measured.
        stored: the model whose weights it stores.
    """

    live: Network
    stored: Network

    @classmethod
    def of(cls, model: Network) -> Pretence:
        """A model that answers with the weights that it stores."""
        return cls(model, model)


@dataclass(frozen=True)
class Liar:
    """A way of only seeming to unlearn.

    Attributes:
        id: key in files.
        title: name shown to people.
        fits: questions that are made for it; one of them has to differ where the base model can be told from retrained
            ones at all.
        pretend: makes what it hands in.
        tasks: forgetting tasks for which it exists.
    """

    id: str
    title: str
    fits: tuple[str, ...]
    pretend: Callable[[Scene], Pretence]
    tasks: tuple[str, ...] = ("class", "sample")
