"""The precision of a run: as it is named, or on a processor the faster one of fp32 and bf16, timed once and remembered.

Whether bf16 pays on a processor depends on its units and on the network: wide networks on matrix units gain twice their
speed, narrow ones nothing, and processors without bf16 in hardware lose. So ``auto`` takes a few real training steps in
both, once for each processor, torch and network, and keeps what it finds in the home. They are taken on one thread and
counted in processor seconds, so that it does not matter what else the machine does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch.utils.flop_counter import FlopCounterMode

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.processor import bf16_in_hardware, processor_name
from cu_core.catalogue.method_record import method
from cu_core.catalogue.own_code import is_own_code, source_hash
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.learning.device import Precision, choose_precision
from cu_core.learning.network import Network
from cu_core.learning.timed_step import TimedStep

FEWEST_OPS = 2e6
"""Multiply-adds of one image, forward, below which a network is not timed and stays in fp32.

Step in fp32 by step in bf16, one thread of an AMD EPYC with avx512_bf16, batch 64, torch 2.14: tiny-cnn on digits
(0.4 million) 1.01, resnet8 on digits (0.8) 0.99, resnet8 at 16 px (3.1) 1.18, resnet8 at 32 px (12.5) 1.34, tiny-cnn at
32 px (5.7) 1.52. wide-cnn on digits (1.5) would gain (1.76), but its trainings take seconds, and stay as they were.
"""
MOST_IMAGES = 64
"""Images of a step at most: more take longer and say the same."""
MARGIN = 1.15
"""How many times as fast bf16 must be: less is noise on a busy machine, and not worth bf16's 8 bits of mantissa."""
FEWEST_TURNS, MOST_TURNS, ENOUGH_SECONDS = 2, 5, 4.0
"""Turns of a step each, after one that warms up; no more are begun once the timed ones have taken so long."""
WAIT_SECONDS = 120.0
"""How long to wait for another process that times the same."""
VERSION = 1

Seconds = Callable[[Precision], float]


@dataclass(frozen=True)
class InForce:
    """The precision that a run computes in, and how it came to be.

    Attributes:
        precision: itself.
        gain: how many times as fast a training step was in bf16 as in fp32; None where nothing was timed.
        words: of what was timed, or what a user should know; empty where there is nothing to say.
    """

    precision: Precision
    gain: float | None = None
    words: str = ""


def precision_in_force(
    spec: RunSpec,
    home: Home,
    device: torch.device,
    channels: int,
    size: int,
    classes: int | Sequence[str],
    report: Callable[[str], object] = lambda words: None,
) -> InForce:
    """The precision that a run takes on a device.

    On a processor ``auto`` takes bf16 where that is in hardware and a training step of this network, image size and
    batch size (`MOST_IMAGES` at most) is `MARGIN` times as fast in it. It is timed once for each processor, torch and
    network. In a home that can only be read it is timed anew.

    Args:
        spec: its precision, model, objective and batch size count.
        home: where timings are kept.
        device: where the run computes.
        channels: of the images.
        size: height and width of the images in pixels.
        classes: how many, or their names.
        report: hears what is being done before that takes time; may raise to stop.

    Raises:
        BadInput: not a precision.
        Incompatible: a precision that the device does not have.
    """
    named = choose_precision(spec.precision, device)
    if device.type != "cpu":
        return InForce(named)
    if spec.precision == "bf16" and not bf16_in_hardware():
        slow = "Computed in bf16, which this processor does not have in hardware; fp32 is probably faster."
        return InForce(named, words=slow)
    if spec.precision != "auto" or not bf16_in_hardware() or not _trains(spec):
        return InForce(named)
    train = dataclasses.replace(spec.train, batch_size=min(spec.train.batch_size, MOST_IMAGES))
    spec = dataclasses.replace(spec, train=train)
    step = TimedStep(spec, channels, size, classes, device)
    if multiply_adds(step.network, channels, size) < FEWEST_OPS:
        return InForce(named)
    path = home.root / "precisions" / f"{_key(spec, channels, size)[:24]}.json"
    with _alone(path):
        gain = _remembered(path)
        if gain is None:
            gain = timed_gain(step.work, device, report)
            with contextlib.suppress(OSError):  # a home that can only be read
                write_json(path, {"gain": gain, "backbone": spec.model.backbone, "machine": processor_name()})
    return decided(gain, device)


def decided(gain: float, device: torch.device) -> InForce:
    """What a measured gain leads to.

    Args:
        gain: how many times as fast a training step is in bf16 as in fp32.
        device: a processor.
    """
    taken = choose_precision("bf16" if gain >= MARGIN else "fp32", device)
    words = (
        f"Computed in {taken.name}: a training step in bf16 was timed at {gain:.2f} times the speed of fp32 on this "
        f"processor, and is taken from {MARGIN} on."
    )
    return InForce(taken, gain, words)


def timed_gain(seconds: Seconds, device: torch.device, report: Callable[[str], object] = lambda words: None) -> float:
    """How many times as fast a step is in bf16 as in fp32.

    Both take turns, and of each the fastest step counts: whatever else a machine does only makes steps slower.

    Args:
        seconds: takes a step in a precision and says how long that took.
        device: a processor.
        report: hears of each turn before it begins; may raise to stop.
    """
    both = [choose_precision(name, device) for name in ("fp32", "bf16")]
    best = dict.fromkeys(both, math.inf)
    report("timing training steps in fp32 and bf16")
    for precision in both:
        seconds(precision)
    spent = 0.0
    for turn in range(MOST_TURNS):
        if turn >= FEWEST_TURNS and spent > ENOUGH_SECONDS:
            break
        report(f"timing training steps in fp32 and bf16, turn {turn + 1} of at most {MOST_TURNS}")
        for precision in both:
            took = seconds(precision)
            spent += took
            best[precision] = min(best[precision], took)
    return best[both[0]] / best[both[1]]


def multiply_adds(network: Network, channels: int, size: int) -> float:
    """Multiply-adds of one image, forward, in convolutions and matrix products (half of what torch counts).

    Args:
        network: on any device; it keeps its mode and its statistics.
        channels: of the images.
        size: height and width of the images in pixels.
    """
    was = network.training
    network.eval()
    images = torch.zeros(1, channels, size, size, device=next(network.parameters()).device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images)
    network.train(was)
    return counter.get_total_flops() / 2


def _trains(spec: RunSpec) -> bool:
    """Whether anything is trained: reading a user's files is not."""
    chosen = method(spec.method.id)
    return bool(spec.base_recipe.work or spec.reference or not chosen.from_files)


def _key(spec: RunSpec, channels: int, size: int) -> str:
    model = spec.model
    network = model.backbone
    if is_own_code(network):
        network = source_hash(network)
    return digest(
        [
            VERSION,
            processor_name(),
            torch.__version__,
            network,
            [model.head, model.embedding_dim, model.stem],
            [channels, size],
            [spec.train.batch_size, spec.train.objective],
        ]
    )


def _remembered(path: Path) -> float | None:
    try:
        gain = read_json(path)["gain"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(gain) if isinstance(gain, int | float) and math.isfinite(gain) and gain > 0 else None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process times, others wait and read; where locks cannot be had each does it for itself."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, Timeout):
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(path.with_suffix(".lock"), timeout=WAIT_SECONDS))
        yield
