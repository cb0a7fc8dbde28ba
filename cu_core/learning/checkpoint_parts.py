"""The weights in what a training script stored: which of its entries they are, and which other weights lie beside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cu_core.learning.inert_pickle import PickledObject
from cu_core.learning.stored_tensors import StoredTensor, tensor_in

Found = Mapping[str, StoredTensor | Tensor]

WRAPPERS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module",
    "student", "online", "online_network", "encoder_q", "encoder", "backbone",
)  # fmt: skip
"""What training scripts call the plain model, the likeliest first."""
AVERAGED = re.compile(r"ema|swa|averag|shadow|teacher|target|momentum|encoder_k|key_|slow", re.IGNORECASE)
BESIDE = re.compile(
    r"optim|sched|scaler|rng|random|loops|callback|hyper|criterion|loss|history|metric|amp$|grad", re.IGNORECASE
)
"""What training scripts call what is no network."""
_HEADS = ("classifier", "head", "fc", "linear", "projector", "projection_head", "predictor")
_TRUNKS = ("backbone", "encoder", "feature_extractor", "features", "trunk", "model", "net", "module")
_DEEP = 4


@dataclass(frozen=True)
class WeightPart:
    """One set of named tensors in a file.

    Attributes:
        name: keys on the way to it, joined by dots; empty where the file is nothing else.
        tensors: by name.
        left: names beside them that are no tensors.
        module: whether it was taken out of a whole stored module.
    """

    name: str
    tensors: Found
    left: tuple[str, ...] = ()
    module: bool = False


def parts_of(content: Any) -> list[WeightPart]:
    """All sets of named tensors, the plain model first and averaged copies last.

    Raises:
        NotWeights: an array that cannot be a tensor.
    """
    found = [part for part in _parts(content, (), _DEEP) if part.tensors]
    # An optimizer's memory is never the model; among equals the largest is likeliest.
    return sorted(found, key=lambda part: (*_rank(part.name), -len(part.tensors)))


def averaged(name: str) -> bool:
    """Whether a part or prefix is called like a slow or averaged copy of another."""
    return bool(AVERAGED.search(name))


def _rank(name: str) -> tuple[bool, int]:
    known = [WRAPPERS.index(word) if word in WRAPPERS else len(WRAPPERS) for word in name.split(".")] if name else [0]
    return averaged(name), known[-1]


def _parts(content: Any, way: tuple[str, ...], deep: int) -> Iterator[WeightPart]:
    name = ".".join(way)
    if isinstance(content, PickledObject):
        if tensors := dict(_of_module(content, "", 40)):
            yield WeightPart(name, tensors, module=True)
            return
        content = content.state  # a plain object may hold a state dict among its attributes
    if not isinstance(content, Mapping) or not deep:
        return
    direct = {key: tensor for key, value in content.items() if (tensor := tensor_in(value)) is not None}
    texts = {key: tensor for key, tensor in direct.items() if isinstance(key, str)}
    inner = {
        key: found
        for key, value in content.items()
        if isinstance(key, str) and not BESIDE.search(key) and key not in texts
        if (found := list(_parts(value, (*way, key), deep - 1)))
    }
    # One number beside the weights, such as the best accuracy so far, is no network.
    if texts and not (inner and all(_is_number(tensor) for tensor in texts.values())):
        yield WeightPart(name, texts, tuple(str(key)[:60] for key in content if key not in texts))
    for key, found in inner.items():
        yield from (found if key not in _TRUNKS else [_with_heads(part, key, inner) for part in found])


def _with_heads(part: WeightPart, key: str, beside: Mapping[str, list[WeightPart]]) -> WeightPart:
    """A trunk that was stored under a name of its own gets the heads that lie beside it."""
    heads = {f"{name}.{inner}": tensor for name in _HEADS if name in beside and len(beside[name]) == 1
             for inner, tensor in beside[name][0].tensors.items()}  # fmt: skip
    if not heads or key in _HEADS:
        return part
    return WeightPart(part.name, {f"{key}.{name}": value for name, value in part.tensors.items()} | heads, part.left)


def _is_number(tensor: StoredTensor | Tensor) -> bool:
    return len(tensor.shape) == 0 or tuple(tensor.shape) == (1,)


def _of_module(thing: PickledObject, prefix: str, deep: int) -> Iterator[tuple[str, StoredTensor | Tensor]]:
    """Names and tensors as `torch.nn.Module.state_dict` gives them, of a module that was stored whole.

    A TorchScript archive has tensors and modules side by side as attributes.
    """
    state = thing.state
    if not isinstance(state, Mapping) or not deep:
        return
    plain = isinstance(state.get("_modules"), Mapping) and isinstance(state.get("_parameters"), Mapping)
    if not plain and "training" not in state:
        return
    passing = state.get("_non_persistent_buffers_set") or ()
    groups = [state["_parameters"], state.get("_buffers") or {}, state["_modules"]] if plain else [state]
    for group in groups:
        for name, value in group.items() if isinstance(group, Mapping) else ():
            tensor = tensor_in(value)
            if tensor is not None and name not in passing:
                yield f"{prefix}{name}", tensor
            elif isinstance(value, PickledObject):
                yield from _of_module(value, f"{prefix}{name}.", deep - 1)
