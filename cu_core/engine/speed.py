"""Measured time of a training step, for estimates of runs of a kind that never ran here."""

from __future__ import annotations

import contextlib

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue import compatibility
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.own_code import is_own_code
from cu_core.catalogue.spec import RunSpec
from cu_core.data.prepared import open_prepared
from cu_core.engine.estimate import TIMED_STEPS, Speed, remember_speed
from cu_core.learning.device import choose_device, memory_errors
from cu_core.learning.precision_trial import precision_in_force
from cu_core.learning.timed_step import TimedStep

STEPS = 3


def measure_speed(spec: RunSpec, home: Home) -> Speed:
    """Times `STEPS` training steps on random images of the right shape and remembers the result where it can.

    Args:
        spec: the run to be estimated.
        home: where the speed is remembered.

    Raises:
        BadInput: a value that cannot be used.
        OutOfMemory: the batch does not fit.
    """
    compatibility.check(spec)
    device = choose_device(spec.device)
    record, size, batch = dataset(spec.data.dataset), compatibility.image_size(spec.data), spec.train.batch_size
    data = open_prepared(spec.data, home)
    if data is not None:
        channels, classes = data.train_images.shape[1], len(data.classes)
    elif is_own_code(spec.model.backbone) and not (record.channels and record.classes):
        raise BadInput("data.dataset", "has to be prepared before a network of one's own can be timed on it")
    else:
        channels, classes = record.channels or 3, record.classes or 10
    with memory_errors(f"train.batch_size (now {batch})"):
        precision = precision_in_force(spec, home, device, channels, size, classes).precision
        step = TimedStep(spec, channels, size, classes, device)
        step.seconds(precision)  # the first step pays for compilation and allocation
        seconds = sum(step.seconds(precision) for _ in range(STEPS)) / (STEPS * batch)
    parameters = max(spec.train.members, 1) * sum(p.numel() for p in step.network.parameters())
    speed = Speed(seconds, parameters, TIMED_STEPS, precision.name)
    with contextlib.suppress(OSError):  # a home that can only be read
        remember_speed(spec, home, speed)
    return speed
