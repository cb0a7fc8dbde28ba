"""Training steps of a network on random images of the right shape, for their time alone."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import torch

from cu_core.catalogue.spec import RunSpec
from cu_core.learning.build import build_model
from cu_core.learning.device import Precision, choose_precision
from cu_core.learning.model_shape import shaped
from cu_core.learning.objectives.training_objective import make_objective


class TimedStep:
    """A network that is trained on one batch of noise, in any precision; the caller's random state is left as it was.

    Args:
        spec: model, objective and batch size count. Weights change nothing about the time and are not read; of a model
            in shards one member is trained.
        channels: of the images.
        size: height and width of the images in pixels.
        classes: how many, or their names.
        device: where to compute.

    Attributes:
        network: on the device, in training mode.
    """

    def __init__(
        self, spec: RunSpec, channels: int, size: int, classes: int | Sequence[str], device: torch.device
    ) -> None:
        names = () if isinstance(classes, int) else classes
        count = classes if isinstance(classes, int) else len(names)
        blank = dataclasses.replace(shaped(spec.model, size), weights="", pretrained=False)
        batch = spec.train.batch_size
        self.device = device
        self.network = build_model(blank, channels, size, count, 0, spec.train.objective, names=names)
        with torch.random.fork_rng(devices=[]):
            # Weights are float32 and lie alike in every precision.
            choose_precision("fp32", device).place(self.network, device).train()
            # As many images as a run of any length would need for its queue.
            self._objective = make_objective(spec.train, self.network, spec.train.queue)
            self._images = torch.randn(batch, channels, size, size).to(device)
            self._labels = torch.randint(count, (batch,)).to(device)
        self._generator = torch.Generator().manual_seed(0)
        self._optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-3, momentum=0.9)

    def seconds(self, precision: Precision) -> float:
        """Takes one step and says how long it took."""
        self._wait()
        began = time.perf_counter()
        self._take(precision)
        self._wait()
        return time.perf_counter() - began

    def work(self, precision: Precision) -> float:
        """Takes one step on one thread of the processor and says how many processor seconds that took.

        What else the machine does is left out, which it is not of several threads: they wait for each other.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            began = time.process_time()
            self._take(precision)
            return time.process_time() - began
        finally:
            torch.set_num_threads(threads)

    def _take(self, precision: Precision) -> None:
        with torch.random.fork_rng(devices=[]):
            images = precision.images(self._images)
            with precision.autocast():
                loss = self._objective(self.network, images, self._labels, self._generator)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            self._objective.after_step(self.network)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
