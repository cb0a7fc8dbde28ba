"""Measured time of a training step, for estimates of runs of a kind that never ran here."""

from __future__ import annotations

import dataclasses
import time

import torch

from cu_core.base.home import Home
from cu_core.catalogue import compatibility
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.estimate import TIMED_STEPS, Speed, remember_speed
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_device, choose_precision, memory_errors
from cu_core.learning.model_shape import shaped
from cu_core.learning.objectives.training_objective import make_objective

STEPS = 3


def measure_speed(spec: RunSpec, home: Home) -> Speed:
    """Times `STEPS` training steps on random images of the right shape and remembers the result.

    Args:
        spec: the run to be estimated.
        home: where the speed is remembered.

    Raises:
        BadInput: a value that cannot be used.
        OutOfMemory: the batch does not fit.
    """
    compatibility.check(spec)
    device = choose_device(spec.device)
    precision = choose_precision(spec.precision, device)
    record, size, batch = dataset(spec.data.dataset), compatibility.image_size(spec.data), spec.train.batch_size
    channels, classes = record.channels or 3, record.classes or 10
    # Weights change nothing about the time, and would have to fit a number of classes that may be a guess here. Their
    # shape does.
    network = dataclasses.replace(shaped(spec.model, size), weights="", pretrained=False)
    with memory_errors(f"train.batch_size (now {batch})"):
        built = build_model(network, channels, size, classes, seed=0, objective=spec.train.objective)
        model = precision.place(built, device).train()
        # As many images as a run of any length would need for its queue.
        objective = make_objective(spec.train, built, spec.train.queue)
        generator = torch.Generator().manual_seed(0)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
        images = precision.images(torch.randn(batch, channels, size, size, device=device))
        labels = torch.randint(classes, (batch,), device=device)
        for step in range(STEPS + 1):
            if step == 1:  # the first step pays for compilation and allocation
                _wait(device)
                began = time.perf_counter()
            with precision.autocast():
                loss = objective(built, images, labels, generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            objective.after_step(built)
        _wait(device)
        seconds = (time.perf_counter() - began) / (STEPS * batch)
    speed = Speed(seconds, max(spec.train.members, 1) * sum(p.numel() for p in model.parameters()), TIMED_STEPS)
    remember_speed(spec, home, speed)
    return speed


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
