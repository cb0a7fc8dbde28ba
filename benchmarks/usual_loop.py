"""The loop that a user would otherwise write: torchvision transforms image by image in a DataLoader.

Images lie in memory as uint8 arrays of height, width, channels, as torchvision's own CIFAR-10 keeps them. The best of
several loaders is taken: transforms on Pillow images or on tensors, with no worker process or some.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

from cu_core.data.images import ImageData
from cu_core.data.views import padding

torchvision.disable_beta_transforms_warning()

Moments = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Way:
    """One way of loading.

    Attributes:
        transforms: ``"pillow"`` or ``"tensor"``.
        workers: worker processes of the DataLoader.
    """

    transforms: str
    workers: int

    def words(self) -> str:
        """For people."""
        return f"{self.transforms} transforms, {self.workers} workers"


def ways(workers: Sequence[int]) -> list[Way]:
    """The ways that are tried: each number of worker processes with either kind of transforms."""
    return [Way(kind, count) for kind in ("pillow", "tensor") for count in workers]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images that are transformed one by one as they are asked for.

    Args:
        images: (n, c, h, w) uint8.
        labels: (n,) integers.
        moments: per-channel means and standard deviations, scaled to 0..1.
        augment: whether to crop at random (the padding of `cu_core.data.views.padding`) and mirror.
        kind: ``"pillow"`` or ``"tensor"``.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, moments: Moments, augment: bool, kind: str) -> None:
        self.labels = [int(label) for label in labels]
        self.pillow = kind == "pillow"
        self.pixels = np.ascontiguousarray(np.asarray(images).transpose(0, 2, 3, 1))
        size, pad = images.shape[-1], padding(images.shape[-1])
        steps: list[Any]
        if self.pillow:
            moved = [transforms.RandomCrop(size, padding=pad), transforms.RandomHorizontalFlip()]
            steps = [*(moved if augment else []), transforms.ToTensor(), transforms.Normalize(*moments)]
        else:
            moved = [v2.RandomCrop(size, padding=pad), v2.RandomHorizontalFlip()]
            steps = [*(moved if augment else []), v2.ToDtype(torch.float32, scale=True), v2.Normalize(*moments)]
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        pixels = self.pixels[place]
        if self.pillow:
            picture: Any = Image.fromarray(pixels[:, :, 0] if pixels.shape[-1] == 1 else pixels)
        else:
            picture = torch.from_numpy(pixels).permute(2, 0, 1)
        return self.transform(picture), self.labels[place]


def loader(
    data: ImageData, rows: np.ndarray, way: Way, batch: int, device: torch.device, *, augment: bool
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Shuffled batches of some training images; worker processes stay from epoch to epoch."""
    pictures = Pictures(
        data.train_images[rows], data.train_labels[rows], (data.mean, data.std), augment, way.transforms
    )
    return DataLoader(
        pictures,
        batch_size=batch,
        shuffle=True,
        num_workers=way.workers,
        persistent_workers=way.workers > 0,
        pin_memory=device.type == "cuda",
    )


def best_way(candidates: list[Way], seconds: Callable[[Way], float]) -> tuple[Way, dict[str, float]]:
    """The fastest of some ways, and the seconds of each."""
    found = {way: seconds(way) for way in candidates}
    return min(found, key=lambda way: found[way]), {way.words(): value for way, value in found.items()}


def second_pass_seconds(batches: DataLoader[Any], work: Callable[[Any], None]) -> float:
    """Seconds of a second pass over a loader; the first one starts its worker processes and warms up."""
    for batch in batches:
        work(batch)
    began = time.perf_counter()
    for batch in batches:
        work(batch)
    return time.perf_counter() - began


def endless(batches: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of a loader again and again, in a new order each time."""
    return itertools.chain.from_iterable(itertools.repeat(batches))
