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

FIELD = "model.weights"
SUFFIXES = (".pt", ".pth", ".safetensors")
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.")
# What other programs call the last layer, and where a backbone of theirs sits in ours.
OUTER_HEADS = ("fc.", "classifier.", "linear.", "heads.head.")
ENCODER_HEADS = ("projector.", "predictor.")
TRUNKS = ("trunk.", "trunk.model.", "trunk.encoder.")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Reads named tensors from a file without unpickling code.

    Wrappers that training scripts add are taken off: a dict with the weights under ``state_dict`` or
    ``model``, the prefixes of data-parallel and compiled models.

    Args:
        path: a ``.pt`` or ``.pth`` file of `torch.save`, or a ``.safetensors`` file.

    Returns:
        Tensors by name, on the CPU.

    Raises:
        CheckpointError: missing, unreadable, truncated, holding anything but tensors, or of another kind.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise CheckpointError(FIELD, f"{path.name!r} is not a weights file", SUFFIXES)
    if not path.is_file():
        raise CheckpointError(FIELD, f"no file {path.name!r} can be read")
    content = _unwrap(_read(path))
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(FIELD, f"{path.name!r} holds no named tensors (a state dict is needed)")
    odd = [
        name if isinstance(name, str) else f"a name that is a {type(name).__name__}"
        for name, value in content.items()
        if not (isinstance(name, str) and isinstance(value, Tensor))
    ]
    if odd:
        raise CheckpointError(FIELD, f"{path.name!r} holds more than named tensors: {_listed(odd)}")
    return _without_prefix(dict(content))


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


def _read(path: Path) -> Any:
    try:
        if path.suffix.lower() == ".safetensors":
            return safetensors.torch.load_file(path)
        return load_safely(path)
    except Exception as error:  # damaged bytes make the readers fail in many ways; none may reach the user
        unsafe = "unsupported global" in str(error).lower()
        reason = "it holds code or objects besides tensors" if unsafe else "it is damaged or of another kind"
        raise CheckpointError(FIELD, f"{path.name!r} cannot be read: {reason}") from error


def _unwrap(content: Any) -> Any:
    if isinstance(content, Mapping):
        for name in WRAPPERS:
            if isinstance(content.get(name), Mapping):
                return content[name]
    return content


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    while common := next((p for p in PREFIXES if all(name.startswith(p) for name in state)), None):
        state = {name.removeprefix(common): value for name, value in state.items()}
    return state


def load_weights(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copies weights into a model after checking every name, shape and value.

    A state dict of the bare backbone (names without ``trunk.``) fits a plain head as well: its last layer
    becomes the head. It fits any encoder: its last layer is left out, and projector and predictor stay as they are.

    Raises:
        CheckpointError: names or shapes differ from the model's, or values are not finite; lists the first few.
    """
    wanted = model.state_dict()
    given = _named_as_ours(state, wanted)
    if isinstance(model, Encoder) and _bare(state):
        given = {name: value for name, value in given.items() if not name.startswith("head.")}
        given = {name: value for name, value in wanted.items() if name.startswith(ENCODER_HEADS)} | given
    # Files of old programs lack the batch counters of batch normalisation, which decide nothing here.
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in given if name not in wanted]
    shaped = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in given and given[name].shape != wanted[name].shape
    ]
    problems = [
        f"{what}: {_listed(names)}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("wrong shape", shaped))
        if names
    ]
    if problems:
        raise CheckpointError(FIELD, "the weights do not fit the chosen model; " + "; ".join(problems))
    odd = [name for name in wanted if name in given and not _usable(given[name], wanted[name], name)]
    if odd:
        raise CheckpointError(FIELD, f"the weights hold values that no network can run with: {_listed(odd)}")
    model.load_state_dict(wanted | given)


def _bare(state: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of a backbone, without the parts that networks of this program have."""
    return not any(name.startswith(("trunk.", "members.")) for name in state)


def _named_as_ours(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if not _bare(state):
        return dict(state)
    trunk = max(TRUNKS, key=lambda prefix: sum(prefix + name in wanted for name in state))
    named = {}
    for name, value in state.items():
        outer = next((head for head in OUTER_HEADS if name.startswith(head)), None)
        if outer:
            named["head." + name.removeprefix(outer)] = value
        else:
            named[name if name.startswith(("head.", "projector.")) else trunk + name] = value
    return named


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
