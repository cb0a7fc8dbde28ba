"""The architecture that names and shapes of weights tell: head, stem, classes, channels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from cu_core.catalogue.spec_parts import ModelSpec


@dataclass(frozen=True)
class Shape:
    """What is known of a network from its weights.

    Attributes:
        head: ``plain`` or ``projected``; None where there is neither a last layer nor a projector.
        stem: ``small`` or ``large`` of a residual network, else None.
        embedding_dim: width of a projected embedding.
        num_classes: of the last layer; None of an encoder.
        channels: of the images, where a first convolution tells.
    """

    head: str | None
    stem: str | None
    embedding_dim: int | None
    num_classes: int | None
    channels: int | None


def shape_of(state: Mapping[str, Tensor]) -> Shape:
    """The shape of a network whose weights are called as `cu_core.learning.weight_file.WeightFile.state` says."""
    last, inner = state.get("head.weight"), state.get("projector.2.weight")
    first = next((state[name] for name in ("trunk.conv1.weight", "conv1.weight") if name in state), None)
    projected = inner is not None and (last is None or last.shape[1] == inner.shape[0])
    return Shape(
        head="projected" if projected else None if last is None else "plain",
        stem=None if first is None or first.ndim != 4 else "large" if first.shape[-1] == 7 else "small",
        embedding_dim=inner.shape[0] if inner is not None and projected else None,
        num_classes=None if last is None else last.shape[0],
        channels=None if first is None or first.ndim != 4 else first.shape[1],
    )


def shaped(spec: ModelSpec, size: int) -> ModelSpec:
    """The same choice of network with head, embedding and stem as its own weights have them.

    All networks of a run are built from it, so that they share one architecture. Asking again changes nothing.

    Args:
        spec: which network, and the file of own weights, if any.
        size: height and width of the images in pixels.

    Raises:
        CheckpointError: the weights cannot be read.
    """
    return dataclasses.replace(spec)
