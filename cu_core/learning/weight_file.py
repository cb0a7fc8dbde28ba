"""A file with weights, however it was written, as named tensors and what they say of the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from cu_core.base.files import sha256_of
from cu_core.learning.model_shape import Shape, shape_of
from cu_core.learning.weights import FIELD, read_state_dict


@dataclass(frozen=True)
class WeightFile:
    """What was read from a file with weights.

    Attributes:
        state: tensors by name, those with fractions as float32: names of this program's networks, or of a bare
            backbone as torchvision calls them, with ``head.`` for the last layer and ``projector.`` for a projector.
        shape: what names and shapes say of the network.
        told: what was done to read it, in one line for people.
        mean: per channel in [0, 1], where the file holds the normalisation of its inputs.
        std: likewise.
        sha256: of the file.
        parts: names of other weights in the file that could be chosen instead (``model.part``).
    """

    state: dict[str, Tensor]
    shape: Shape
    told: str
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    sha256: str
    parts: tuple[str, ...] = ()

    @property
    def head(self) -> str | None:
        """``plain`` or ``projected``; None where the file has no last layer and no projector."""
        return self.shape.head

    @property
    def stem(self) -> str | None:
        """``small`` or ``large`` of a residual network, else None."""
        return self.shape.stem

    @property
    def embedding_dim(self) -> int | None:
        """Width of a projected embedding."""
        return self.shape.embedding_dim

    @property
    def num_classes(self) -> int | None:
        """For how many classes it answers; None of an encoder."""
        return self.shape.num_classes

    @property
    def channels(self) -> int | None:
        """Channels of its images, where a first convolution tells."""
        return self.shape.channels

    @property
    def encoder(self) -> bool:
        """Whether there is no last layer for classes."""
        return self.shape.num_classes is None


def read_weights(path: Path, field: str = FIELD, part: str = "") -> WeightFile:
    """Reads weights without running code of the file; judged by content, never by ending.

    Args:
        path: of the file.
        field: named in the error.
        part: which of several weights in the file, as `WeightFile.parts` names them; by default the plain model.

    Raises:
        CheckpointError: missing, damaged, of another kind, or without weights; says what to do.
    """
    state = read_state_dict(path)
    return WeightFile(state, shape_of(state), "", None, None, sha256_of(Path(path)))
