"""What share of a GPU's peak a training step reaches, and where the rest of its time goes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import table, timed
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.data.images import ImageData
from cu_core.learning.device import choose_precision
from cu_core.learning.network import Network
from cu_core.learning.training import Training

# Side of the square matrices whose product tells the peak: large enough that nothing but arithmetic counts.
PEAK_SIDE = 8192
PEAK_REPEATS = 20
# Words in the names of GPU kernels, looked for in this order.
KINDS = {
    "convolutions and matrix products": (
        "conv",
        "gemm",
        "cutlass",
        "xmma",
        "wgrad",
        "dgrad",
        "winograd",
        "nchw",
        "nhwc",
    ),
    "batch normalisation": ("batch_norm", "bn_fw", "bn_bw", "batchnorm"),
    "copies": ("memcpy", "memset", "copy"),
    "optimizer": ("multi_tensor", "foreach", "fused_sgd", "fused_adam"),
    "element by element": ("elementwise", "reduce", "softmax", "nll", "index"),
}
OTHER, IDLE = "other kernels", "no kernel running"


@dataclass(frozen=True)
class Share:
    """What was found.

    Attributes:
        words: for people; says why nothing was measured where nothing was.
        numbers: the same for a file; None where nothing was measured.
    """

    words: str
    numbers: dict[str, Any] | None


def report(model: Network, data: ImageData, recipe: TrainSpec, precision: str, device: torch.device) -> Share:
    """Measures one epoch of our training on a GPU.

    Args:
        model: untrained; it is trained for three epochs.
        data: its training images.
        recipe: how it is trained.
        precision: as in `cu_core.learning.device.choose_precision`.
        device: anything but a CUDA device is answered in words.
    """
    if device.type != "cuda":
        words = "Skipped: there is no CUDA device here, so the share of its peak and where the rest goes are unknown."
        return Share(words, None)
    chosen = choose_precision(precision, device)
    chosen.place(model, device)
    source = ImageSource.train(data, device)
    split = Split(source, np.arange(len(source)), torch.Generator())
    training = Training(model, split, recipe, 0, chosen)
    torch.backends.cudnn.benchmark = True
    counter = FlopCounterMode(display=False)
    with counter:
        training.run_epoch(lambda: None)
    seconds = timed(lambda: training.run_epoch(lambda: None), device)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        profiled = timed(lambda: training.run_epoch(lambda: None), device)
    kernels = [
        (event.key, event.self_device_time_total / 1e6)
        for event in profile.key_averages()
        if event.self_device_time_total > 0
    ]
    peak = peak_flops(chosen.name, device)
    reached = counter.get_total_flops() / seconds
    shares = time_shares(kernels, profiled)
    numbers = {
        "images_per_second": len(source) / seconds,
        "precision": chosen.name,
        "flops_per_image": counter.get_total_flops() / len(source),
        "flops_per_second": reached,
        "peak_flops_per_second": peak,
        "share_of_peak": reached / peak,
        "time_shares": shares,
    }
    words = (
        f"{numbers['images_per_second']:.0f} images/s in {chosen.name}; {reached / 1e12:.1f} of "
        f"{peak / 1e12:.1f} TFLOP/s that a product of {PEAK_SIDE} x {PEAK_SIDE} matrices reaches on this card: "
        f"{reached / peak:.1%}. Where an epoch's time goes:\n"
    )
    return Share(words + table(["kernels", "share"], [[k, f"{v:.1%}"] for k, v in shares.items()]), numbers)


def peak_flops(precision: str, device: torch.device) -> float:
    """Floating-point operations a second that a large matrix product reaches.

    Args:
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        device: a CUDA device.
    """
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    a = torch.randn(PEAK_SIDE, PEAK_SIDE, device=device, dtype=dtype)
    a @ a
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    for _ in range(PEAK_REPEATS):
        a @ a
    torch.cuda.synchronize(device)
    return 2 * PEAK_SIDE**3 * PEAK_REPEATS / (time.perf_counter() - began)


def time_shares(kernels: Iterable[tuple[str, float]], seconds: float) -> dict[str, float]:
    """Shares of a span of time by kind of kernel.

    Args:
        kernels: names with the seconds that they ran.
        seconds: the whole span, above 0.

    Returns:
        Kind to share, the kinds of `KINDS`, then `OTHER`, then `IDLE` (0 at least); largest first.
    """
    found = dict.fromkeys([*KINDS, OTHER], 0.0)
    for name, ran in kernels:
        lower = name.lower()
        kind = next((kind for kind, words in KINDS.items() if any(word in lower for word in words)), OTHER)
        found[kind] += ran / seconds
    found[IDLE] = max(0.0, 1 - sum(found.values()))
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))
