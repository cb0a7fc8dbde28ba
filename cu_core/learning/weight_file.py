"""A file with weights, however it was written, as named tensors and what they say of the network."""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from cu_core.base.errors import CheckpointError
from cu_core.base.files import sha256_of
from cu_core.learning.checkpoint_parts import WeightPart, averaged, parts_of
from cu_core.learning.foreign_kinds import foreign_kind
from cu_core.learning.inert_pickle import HoldsCode, NotWeights, PickledObject
from cu_core.learning.refused_content import held, special_tensors
from cu_core.learning.reparametrised import whole_weights
from cu_core.learning.stored_tensors import opened
from cu_core.learning.weight_names import Names, as_ours, plain_names
from cu_core.learning.weight_shape import WeightShape, shape_of

FIELD = "model.weights"
PART = "model.part"
_STATISTIC = re.compile(r"^(.*?)(?:new_)?(mean|means|std|stds|sigma)$")
_NARROW = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float64: "fp64"}


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
        sha256: of the file; empty where it was not asked for.
        parts: names of other weights in the file that could be chosen instead (``model.part``).
    """

    state: dict[str, Tensor]
    shape: WeightShape
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


def read_weights(
    path: Path, field: str = FIELD, part: str = "", *, hashed: bool = True, renamed: bool = True
) -> WeightFile:
    """Reads weights without running code of the file; judged by content, never by ending.

    Args:
        path: of the file.
        field: named in the error.
        part: which of several weights in the file, as `WeightFile.parts` names them; by default the plain model.
        hashed: whether `WeightFile.sha256` is wanted.
        renamed: whether names become ours; a network of the user's own knows its names, and its normalisation, itself.

    Raises:
        CheckpointError: missing, damaged, of another kind, or without weights; says what to do.
    """
    path = Path(path)
    if not path.is_file():
        folder = " (it is a folder: name one file in it)" if path.is_dir() else ""
        raise CheckpointError(field, f"no file {path.name!r} can be read{folder}")
    try:
        found = _found(path, field, part, renamed=renamed)
        return dataclasses.replace(found, sha256=sha256_of(path)) if hashed else found
    except CheckpointError:
        raise
    except HoldsCode as error:
        reason = f"it holds code or objects besides tensors: {error}"
        raise CheckpointError(field, f"{path.name!r} cannot be read: {reason}") from error
    except Exception as error:  # damaged bytes make the readers fail in many ways; none may reach the user
        told = f": {error}" if isinstance(error, NotWeights) else ""
        plain = told.startswith((": it is ", ": it holds "))
        reason = str(error) if plain else f"it is damaged or of another kind{told}"
        raise CheckpointError(field, f"{path.name!r} cannot be read: {reason}") from error


def _found(path: Path, field: str, wanted: str, *, renamed: bool) -> WeightFile:
    if (foreign := foreign_kind(path)) is not None:
        raise NotWeights(foreign)
    with _content(path) as content:
        parts = parts_of(content)
        if not parts:
            if special := special_tensors(content):
                raise NotWeights(special)
            raise CheckpointError(field, _nothing(path, content))
        part, prefix = _chosen(parts, wanted, path)
        if part.left and (special := special_tensors(content, part)):
            raise NotWeights(special)
        stored = {name: tensor for name, tensor in part.tensors.items() if isinstance(name, str)}
        kinds = {tensor.dtype for tensor in stored.values()}
        state = {name: tensor if isinstance(tensor, Tensor) else tensor.read() for name, tensor in stored.items()}
    state = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    told = [f"read from {part.name!r}"] if part.name else []
    told += ["taken out of a whole stored module"] if part.module else []
    told += [f"{name} beside it left out" for name in part.left[:2] if name != "_metadata"]
    state, multiplied = whole_weights(state)
    told += multiplied
    told += [f"{_NARROW[kind]} made fp32" for kind in _NARROW if kind in kinds]
    rest, mean, std = _normalisation(state)
    names = as_ours(rest, prefix) if renamed else Names(plain_names(state))
    shape = shape_of(names.state)
    told += names.told
    told += [f"head {shape.head}" if shape.head else "no last layer"]
    told += [f"stem {shape.stem}"] if shape.stem else []
    told += ["normalisation of the file"] if mean else []
    others = (*(other.name for other in parts if other is not part), *names.others)
    told += [f"{_kind(other)} {other!r} is there, too ({PART}={other})" for other in others[:3]]
    return WeightFile(names.state, shape, "; ".join(told), mean, std, "", others)


def _kind(name: str) -> str:
    return "an averaged copy" if averaged(name) else "another network"


@contextmanager
def _content(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        head = file.read(9)
    if len(head) == 9 and head[8:] == b"{" and struct.unpack("<Q", head[:8])[0] < path.stat().st_size:
        yield safetensors.torch.load_file(path)
    else:
        with opened(path) as content:
            yield content


def _nothing(path: Path, content: Any) -> str:
    """Why there are no weights in what could be read."""
    if isinstance(content, PickledObject):
        return (
            f"{path.name!r} holds no named tensors but an object of {content.kind}; "
            "save the weights alone: torch.save(model.state_dict(), FILE)"
        )
    return f"{path.name!r} holds no named tensors (a state dict is needed) but {held(content)}"


def _chosen(parts: list[WeightPart], wanted: str, path: Path) -> tuple[WeightPart, str]:
    """The part that is meant, and the prefix of the network in it where that was named."""
    if not wanted:
        return parts[0], ""
    for part in parts:
        if wanted in (part.name, part.name.rpartition(".")[2]):
            return part, ""
    inside = any(name.startswith(f"{wanted}.") for name in parts[0].tensors)
    if not inside:
        names = _prefixes(parts)
        raise CheckpointError(PART, f"{path.name!r} has no part {wanted!r}", names, given=wanted)
    return parts[0], wanted


def _prefixes(parts: list[WeightPart]) -> Iterable[str]:
    return [part.name for part in parts if part.name] or sorted({name.partition(".")[0] for name in parts[0].tensors})


def _normalisation(
    state: dict[str, Tensor],
) -> tuple[dict[str, Tensor], tuple[float, ...] | None, tuple[float, ...] | None]:
    """Takes out what the file says of its inputs: a mean and a deviation per channel under one prefix."""
    found: dict[str, dict[str, str]] = {}
    for name, value in state.items():
        if (match := _STATISTIC.match(name)) and value.is_floating_point() and value.numel() in (1, 3):
            found.setdefault(match[1], {})["mean" if match[2].startswith("mean") else "std"] = name
    pairs = [names for names in found.values() if len(names) == 2]
    if len(pairs) != 1:
        return state, None, None
    mean, std = ([float(number) for number in state[pairs[0][kind]].flatten()] for kind in ("mean", "std"))
    if len(mean) != len(std) or not all(0 < number < float("inf") for number in std):
        return state, None, None
    scale = 255 if max(mean) > 2 else 1  # of images whose pixels go to 255
    rest = {name: value for name, value in state.items() if name not in pairs[0].values()}
    return rest, tuple(number / scale for number in mean), tuple(number / scale for number in std)
