"""Device, mixed precision, seeding, and errors of memory."""

from __future__ import annotations

import ctypes
import os
import platform
import random
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from cu_core.base.errors import BadInput, Incompatible, OutOfMemory
from cu_core.base.processor import processor_name

# Measured on 2 CPU cores (AMD EPYC, torch 2.15, batch 128, 32 px), seconds per 10,000 images of training with
# channels innermost against outermost: resnet8 8.0 / 10.4, resnet18 235 / 277, vit-small 793 / 722.
# GPUs need that order for their tensor cores. Not measured on mps, so left alone there.
CHANNELS_LAST = ("cpu", "cuda")
# Names of glibc's mallopt, from malloc.h: the size from which a block is mapped on its own, and how much free memory
# may stay at the end of the heap.
_MAP_FROM, _KEEP_FREE = -3, -1
_BLOCK_BYTES = 2**28
_FREE_BYTES = 2**31 - 1


def available_devices() -> list[str]:
    """The devices of this machine, best first: ``cuda``, ``cuda:0`` …, ``mps``, ``cpu``."""
    found = []
    if torch.cuda.is_available():
        found += ["cuda", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def choose_device(text: str) -> torch.device:
    """The device named by ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``auto`` takes the best one.

    Raises:
        BadInput: not a device, or not one of this machine; names those that it has.
    """
    found = available_devices()
    if text == "auto":
        return torch.device(found[0])
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", text):
        raise BadInput("device", f"{text!r} is not a device", ["auto", *found])
    if text not in found:
        raise BadInput("device", f"this machine has no {text}", ["auto", *found])
    return torch.device(text)


def describe_device(device: torch.device) -> dict[str, Any]:
    """What a result says about the hardware: device, name, memory in bytes, CPU threads."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name, memory = properties.name, properties.total_memory
    else:
        name = processor_name() if device.type == "cpu" else "Apple GPU"
        memory = psutil.virtual_memory().total
    return {
        "device": str(device),
        "name": name,
        "memory_bytes": memory,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


@dataclass(frozen=True)
class Precision:
    """How numbers are kept while computing.

    Attributes:
        name: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        device_type: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        channels_last: whether images and convolutions keep their channels innermost.
    """

    name: str
    device_type: str
    channels_last: bool

    def autocast(self) -> AbstractContextManager[None]:
        """Context in which a forward pass runs in this precision."""
        dtype = torch.float16 if self.name == "fp16" else torch.bfloat16
        return torch.autocast(self.device_type, dtype=dtype, enabled=self.name != "fp32")

    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaling that keeps small gradients alive; does nothing except under fp16."""
        return torch.amp.GradScaler(self.device_type, enabled=self.name == "fp16")

    def place(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Moves a model to the device in the memory order of this precision; returns the same model."""
        if self.channels_last:
            return model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.to(device)

    def images(self, images: Tensor) -> Tensor:
        """Images (n, channels, height, width) in the memory order of this precision."""
        return images.contiguous(memory_format=torch.channels_last) if self.channels_last else images


def choose_precision(text: str, device: torch.device) -> Precision:
    """The precision named by ``auto``, ``fp32``, ``bf16`` or ``fp16`` on that device.

    ``auto`` takes bf16 on GPUs that have it in hardware, fp16 on older ones and fp32 elsewhere. What a run takes on a
    processor also depends on its network: `cu_core.learning.precision_trial.precision_in_force`.

    Raises:
        BadInput: not a precision.
        Incompatible: mixed precision asked for on a device that does not have it.
    """
    choices = ("auto", "fp32", "bf16", "fp16")
    if text not in choices:
        raise BadInput("precision", f"{text!r} is not a precision", choices)
    cuda = device.type == "cuda"
    has_bf16 = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    if text == "auto":
        text = ("bf16" if has_bf16 else "fp16") if cuda else "fp32"
    if text == "fp16" and not cuda:
        allowed = ("auto", "fp32", *(["bf16"] if device.type == "cpu" else []))
        raise Incompatible("precision", f"fp16 needs a CUDA device, not {device.type}", allowed)
    if text == "bf16" and device.type == "mps":
        raise Incompatible("precision", "bf16 needs a CUDA device or a processor, not mps", ("auto", "fp32"))
    if text == "bf16" and cuda and not has_bf16:
        raise Incompatible("precision", "this GPU has no bf16", ("auto", "fp32", "fp16"))
    return Precision(text, device.type, channels_last=device.type in CHANNELS_LAST)


def keep_freed_memory() -> bool:
    """Lets this process reuse freed blocks of up to 256 MB instead of handing them back to the system at once.

    A training step frees and asks for the same tens of megabytes again and again. By default the C library of Linux
    returns such blocks and the system clears every page anew: a fifth of a step's time for small networks on a CPU
    (benchmarks/train_step.py). The price is that up to 2 GB of what the process once needed stays with it until it
    ends. No result depends on it.

    Returns:
        Whether the C library took the setting; others than glibc have none, and old versions refuse the size.
    """
    if platform.system() != "Linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MAP_FROM, _BLOCK_BYTES)) and bool(mallopt(_KEEP_FREE, _FREE_BYTES))


def seed_everything(seed: int) -> None:
    """Seeds the generators of Python, NumPy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextmanager
def memory_errors(hint: str) -> Iterator[None]:
    """Turns running out of memory into `OutOfMemory`.

    Args:
        hint: what to lower, in words, e.g. ``"the batch size (train.batch_size, now 128)"``.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        raise OutOfMemory(f"The device ran out of memory. Lower {hint}.") from error


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return any(words in text for words in ("out of memory", "can't allocate memory", "cublas_status_alloc_failed"))
