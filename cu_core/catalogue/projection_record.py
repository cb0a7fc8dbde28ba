"""The record of a projection, and its registry; computes nothing, so that pages can list them."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.registry import Registry, Target


@dataclass(frozen=True)
class Projection:
    """One way from embeddings to a picture.

    Attributes:
        id: name on the command line and in a picture's record.
        title: name shown to people.
        summary: one sentence.
        axis: title of an axis, with ``{}`` for its number.
        linear: whether it is a linear map, whose axes have the embedding's unit.
        place_rounds: function, or ``"module:function"``, from (n, d) embeddings per round, number of axes and seed to
            (n, k) float32 coordinates per round. None for those of `project`, on whose pictures later
            embeddings can be placed.
        warning: what it gets wrong, in numbers from ``benchmarks/drift_methods.py``; empty where fidelity says it.
    """

    id: str
    title: str
    summary: str
    axis: str
    linear: bool = False
    place_rounds: Target | None = None
    warning: str = ""

    @property
    def placeable(self) -> bool:
        """Whether later embeddings can be placed on its picture."""
        return self.place_rounds is None

    def axis_titles(self, n_components: int) -> tuple[str, ...]:
        """Titles of the axes, with what their unit is."""
        return tuple(self.axis.format(number) for number in range(1, n_components + 1))


PROJECTIONS: Registry[Projection] = Registry("projection", Projection, field="method")


def projection(name: str) -> Projection:
    """The projection of that id.

    Raises:
        BadInput: no such projection.
    """
    return PROJECTIONS.named(name)
