"""Weights that were stored as several tensors: pruned ones, and those of weight and spectral normalisation."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from cu_core.learning.inert_pickle import Unreadable

PARAMETRISED = "parametrizations."
_FACTORS = ("_orig", "_g", "_v")


def whole_weights(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Puts together what a network computes before each use of a weight.

    Args:
        state: as it was stored.

    Returns:
        One tensor per weight under its own name, and what was done, in words.

    Raises:
        Unreadable: a weight depends on something that the file does not say.
    """
    done = {"pruned": 0, "weight-normalised": 0, "spectrally normalised": 0}
    whole = {_plain(name): value for name, value in state.items()}
    if sum(value.numel() for name, value in whole.items() if name.endswith(_FACTORS)) > 2 * _stored(state):
        raise Unreadable("its products would be larger than what is stored")
    for name in [n.removesuffix("_orig") for n in whole if n.endswith("_orig")]:
        original = whole.pop(f"{name}_orig")
        if f"{name}_mask" in whole:
            whole[name] = original * whole.pop(f"{name}_mask")
            done["pruned"] += 1
        elif f"{name}_u" in whole:
            left = whole.pop(f"{name}_u")
            whole[name] = _spectral(original, left, whole.pop(f"{name}_v", None))
            done["spectrally normalised"] += 1
        else:
            raise Unreadable(f"{name} is stored as a product, and only one factor of it is there")
    for name in [n.removesuffix("_g") for n in whole if n.endswith("_g") and f"{n[:-2]}_v" in whole]:
        length, direction = whole.pop(f"{name}_g"), whole.pop(f"{name}_v")
        axes = [axis for axis in range(direction.ndim) if length.ndim != direction.ndim or length.shape[axis] == 1]
        norm = torch.linalg.vector_norm(direction, dim=axes, keepdim=True) if axes else direction.abs()
        whole[name] = length * direction / norm
        done["weight-normalised"] += 1
    if PARAMETRISED in " ".join(whole):
        raise Unreadable("it has parametrised weights of an unknown kind; remove the parametrisation before saving")
    # In the order in which they were stored: it tells the first layer from the last.
    places = {re.sub(r"_(orig|g)$", "", _plain(name)): place for place, name in enumerate(state)}
    whole = dict(sorted(whole.items(), key=lambda item: places.get(item[0], len(places))))
    return whole, [f"{count} {kind} weight{'s' * (count > 1)} multiplied" for kind, count in done.items() if count]


def _plain(name: str) -> str:
    """`torch.nn.utils.parametrizations` as its predecessors would have called the tensors."""
    before, found, after = name.partition(PARAMETRISED)
    weight, _, kind = after.partition(".")
    endings = {"original": "_orig", "original0": "_g", "original1": "_v", "0._u": "_u", "0._v": "_v"}
    return f"{before}{weight}{endings[kind]}" if found and kind in endings else name


def _spectral(weight: Tensor, left: Tensor, right: Tensor | None) -> Tensor:
    """A weight divided by its largest singular value, as the stored vectors estimate it."""
    matrix = weight.flatten(1)
    right = matrix.T @ left if right is None else right
    if left.shape != matrix.shape[:1] or right.shape != matrix.shape[1:]:
        raise Unreadable("its spectrally normalised weights do not go along their first axis")
    return weight / (left @ (matrix @ right))


def _stored(state: Mapping[str, Tensor]) -> int:
    """Numbers in memory: tensors may share them."""
    rows = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in state.values()}
    return sum(rows.values())
