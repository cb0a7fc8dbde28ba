"""Reading (without running code), checking, hashing and writing of weight files."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import safetensors.torch
import torch
from torch import Tensor, nn

from cu_core.base.errors import CheckpointError
from cu_core.base.files import write_atomically
from cu_core.learning.encoder import Encoder
from cu_core.learning.weight_file import FIELD, read_weights
from cu_core.learning.weight_fit import LAST, bare, fitted, why_another
from cu_core.learning.weight_names import as_ours

ENCODER_HEADS = ("projector.", "predictor.")
NO_HEAD = (
    "they are those of an encoder, without a last layer for classes: choose how it was trained (train.objective=moco, "
    "simclr or byol), or let a classifier be trained from it (model.train_on=true)"
)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file, on the CPU; see `cu_core.learning.weight_file.read_weights`.

    Raises:
        CheckpointError: missing, unreadable, damaged, without weights, or of another kind.
    """
    return read_weights(path, hashed=False).state


def load_safely(file: Path | IO[bytes]) -> Any:
    """What `torch.save` wrote, on the CPU, without running code and without growing in memory.

    `torch.save` stores tensors as they are. A file whose parts were packed instead is made to fill the memory.

    Raises:
        Exception: damaged bytes make the reader fail in many ways.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as parts:
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts.infolist()):
                raise ValueError("its parts are packed")
            # torch.load does not compare the checksums: flipped bits would become weights.
            if (bad := parts.testzip()) is not None:
                raise ValueError(f"it is damaged at {bad}")
    if not isinstance(file, Path):
        file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(file, map_location="cpu", weights_only=True)


def load_weights(model: nn.Module, state: Mapping[str, Tensor], field: str = FIELD, *, new_head: bool = False) -> None:
    """Copies weights into a model after checking every name, shape and value.

    Weights of a bare backbone (names without ``trunk.``) fit any network around it. An encoder takes no last layer
    for classes from them, and keeps its own projector and predictor where they have none.

    Args:
        model: gets the weights.
        state: as `read_state_dict` gives them, or as a module of the usual codebases has them.
        field: named in the error.
        new_head: a last layer that is not in the file stays as it is, to be trained.

    Raises:
        CheckpointError: names or shapes differ from the model's, or values are not finite; lists the first few.
    """
    wanted = model.state_dict()
    if bare(state):
        state = as_ours(state).state  # changes nothing about what was read from a file
    given = fitted(state, wanted)
    if isinstance(model, Encoder) and bare(state):
        given = {name: value for name, value in given.items() if not name.startswith("head.")}
        given = {name: value for name, value in wanted.items() if name.startswith(ENCODER_HEADS)} | given
    elif new_head and bare(state) and not any(name in given for name in LAST):
        given = {name: value for name, value in wanted.items() if name.startswith(("head.", "projector."))} | given
    # Files of old programs lack the batch counters of batch normalisation, which decide nothing here.
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in given if name not in wanted]
    misshapen = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in given and given[name].shape != wanted[name].shape
    ]
    problems = [
        f"{what}: {_listed(names)}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("wrong shape", misshapen))
        if names
    ]
    if problems:
        plain = why_another(state, given, wanted)
        if not (plain or unexpected or misshapen) and all(name.startswith(("head.", "projector.")) for name in missing):
            plain = NO_HEAD if "head.weight" in missing and bare(state) else None
        reason = "; ".join([plain] if plain else problems)
        raise CheckpointError(field, f"the weights do not fit the chosen model; {reason}")
    odd = [name for name in wanted if name in given and not _usable(given[name], wanted[name], name)]
    if odd:
        other = [name for name in odd if _other_type(given[name], wanted[name])]
        kinds = {str(given[name].dtype).removeprefix("torch.") for name in other}
        if kinds:
            raise CheckpointError(
                field,
                f"the weights are numbers of type {', '.join(sorted(kinds))}, and the network's have fractions: "
                f"{_listed(other)}; save them as float32 (of a quantised model, the one before it was quantised)",
            )
        raise CheckpointError(field, f"the weights hold values that no network can run with: {_listed(odd)}")
    model.load_state_dict(wanted | given)


def _other_type(value: Tensor, like: Tensor) -> bool:
    return like.is_floating_point() and not value.is_floating_point()


def _usable(value: Tensor, like: Tensor, name: str) -> bool:
    plain = value.layout is torch.strided and value.device.type == "cpu" and not value.is_quantized
    if not plain or value.is_floating_point() != like.is_floating_point():
        return False
    if not value.is_floating_point():
        return not value.is_complex()
    numbers = value.to(like.dtype)  # a float64 may be too large for the model's float32
    return bool(torch.isfinite(numbers).all()) and not (name.endswith("running_var") and bool((numbers < 0).any()))


def _listed(names: list[str], most: int = 3) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def weights_sha256(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over name, dtype, shape and bytes of all tensors, in name order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def portable(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the model's state dict on the CPU in plain memory order."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in model.state_dict().items()
    }


def weights_bytes(model: nn.Module, told: Mapping[str, str] | None = None) -> bytes:
    """The model's state dict as a safetensors file.

    Args:
        model: any network.
        told: what the file says about itself.
    """
    return safetensors.torch.save(portable(model), dict(told) if told else None)


def save_weights(target: Path | IO[bytes], model: nn.Module) -> None:
    """Writes the model's state dict as `torch.save` does: into an open file, or atomically to a path.

    A path that ends in ``.safetensors`` gets that format.
    """
    state = portable(model)

    def write(file: IO[bytes]) -> None:
        if isinstance(target, Path) and target.suffix == ".safetensors":
            file.write(safetensors.torch.save(state))
        else:
            torch.save(state, file)

    if isinstance(target, Path):
        write_atomically(target, write)
    else:
        write(target)
