"""Batches of images on the device, from memory or streamed from disk, the same either way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import numpy as np
import psutil
import torch
from torch import Tensor

from cu_core.base.errors import BadInput
from cu_core.data.images import ImageData
from cu_core.data.views import Augment

# A dataset stays on the device if it takes no more than this share of the memory that is free there;
# the rest is for weights, activations and whoever else works on the device.
RESIDENT_SHARE = 0.5


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return psutil.virtual_memory().available


def fits(images: np.ndarray, device: torch.device) -> bool:
    """Whether images may stay on a device for the whole run."""
    return images.nbytes <= RESIDENT_SHARE * free_memory(device)


class ImageSource:
    """Images and labels of one split, ready to be taken in batches.

    Args:
        images: (n, c, h, w) uint8, possibly memory-mapped.
        labels: (n,) integers.
        mean: per-channel mean, scaled to 0..1.
        std: per-channel standard deviation, same scale.
        device: where batches are wanted.
        resident: whether all images are kept on the device; None decides by `fits`.

    Attributes:
        device: where batches come out.
        resident: whether all images are there; if not, each batch is read from `images`.
        labels: (n,) int64 on the device.
        moments: mean and deviation per channel as they were given.
        mean: (c, 1, 1) per-channel mean on the device, scaled to 0..1.
        std: (c, 1, 1) per-channel standard deviation, same scale.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
        resident: bool | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.resident = fits(images, self.device) if resident is None else resident
        self.labels = torch.tensor(np.asarray(labels), dtype=torch.int64, device=self.device)
        self._streamed = images
        self._kept = torch.from_numpy(np.array(images)).to(self.device) if self.resident else None
        self.moments = (tuple(mean), tuple(std))
        self.mean = torch.tensor(mean, device=self.device)[:, None, None]
        self.std = torch.tensor(std, device=self.device)[:, None, None]
        self._mean, self._std = self.mean * 255, self.std * 255

    @classmethod
    def train(cls, data: ImageData, device: torch.device, resident: bool | None = None) -> ImageSource:
        """The training images of a dataset, with the labels that a model is trained on."""
        return cls(data.train_images, data.train_labels, data.mean, data.std, device, resident)

    @classmethod
    def test(cls, data: ImageData, device: torch.device, resident: bool | None = None) -> ImageSource:
        """The test images of a dataset, normalised like the training images."""
        return cls(data.test_images, data.test_labels, data.mean, data.std, device, resident)

    def __len__(self) -> int:
        return len(self.labels)

    def take(
        self, index: Tensor, augment: Augment | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """One batch.

        Args:
            index: (b,) int64 on the CPU or the device.
            augment: applied before normalising.
            generator: on the CPU; used by `augment`.

        Returns:
            (b, c, h, w) float32 normalised images and (b,) int64 labels, on the device.
        """
        pixels = self._pixels(index)
        if augment is not None:
            pixels = augment(pixels, generator)
        return pixels.float().sub_(self._mean).div_(self._std), self.labels[index.to(self.device)]

    def _pixels(self, index: Tensor) -> Tensor:
        if self._kept is not None:
            # Whole images by `index_select`: asking with brackets looks every pixel up on its own.
            return self._kept.index_select(0, index.to(self.device))
        batch = torch.from_numpy(self._streamed[index.cpu().numpy()])
        if self.device.type == "cuda":
            return batch.pin_memory().to(self.device, non_blocking=True)
        return batch.to(self.device)


class Split:
    """A part of a source that is passed over in epochs or drawn from at random.

    Everything random comes from `generator`: whoever saves and restores its state repeats the same
    batches.

    Args:
        source: where the images are.
        indices: (n,) integers into the source.
        generator: on the CPU.
        augment: applied to every batch.

    Attributes:
        source: where the images are.
        indices: (n,) int64 on the CPU.
        augment: applied to every batch; may be exchanged.
        images_drawn: number of images that batches have held so far.
    """

    def __init__(
        self,
        source: ImageSource,
        indices: np.ndarray | Tensor,
        generator: torch.Generator,
        augment: Augment | None = None,
    ) -> None:
        self.source = source
        self.indices = torch.as_tensor(np.asarray(indices), dtype=torch.int64)
        self.augment = augment
        self.images_drawn = 0
        self._generator = generator

    def __len__(self) -> int:
        return len(self.indices)

    def part(self, indices: Tensor) -> Split:
        """Another part of the same source, with the same randomness and augmentation; it counts for itself."""
        return Split(self.source, indices, self._generator, self.augment)

    def share(self, share: float, seed: int) -> Split:
        """A fixed part of these samples, the same for the same seed; it counts for itself.

        Args:
            share: above 0 and at most 1; at least one sample is kept where there is one.
            seed: decides which.
        """
        wanted = min(max(1, round(share * len(self))), len(self))
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))[:wanted]
        return self.part(self.indices[order.sort().values])

    def readable(self, indices: Tensor) -> Tensor:
        """Indices of these samples for whoever mixes them with others into batches of its own.

        Args:
            indices: into the source, some of `indices`.

        Raises:
            BadInput: of `Withheld`, where there are any.
        """
        return indices

    def steps(self, batch_size: int) -> int:
        """Number of batches in one epoch."""
        return len(self._cuts(batch_size))

    def epoch(self, batch_size: int, shuffle: bool = True) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Passes over all samples once.

        The last batch may be smaller. A single sample left over joins the batch before it, because
        batch normalisation cannot train on one.

        Args:
            batch_size: samples per batch.
            shuffle: whether the order is drawn anew.

        Yields:
            Images and labels as `ImageSource.take` gives them, and (b,) int64 indices into the source,
            on the CPU.
        """
        order = self.indices[torch.randperm(len(self), generator=self._generator)] if shuffle else self.indices
        for start, stop in self._cuts(batch_size):
            yield self._batch(order[start:stop])

    def sample(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Draws n samples at random, none twice unless there are fewer than n.

        Returns:
            As `epoch` yields.
        """
        order = torch.randperm(len(self), generator=self._generator)[:n]
        while len(order) < n:
            more = torch.randperm(len(self), generator=self._generator)[: n - len(order)]
            order = torch.cat([order, more])
        return self._batch(self.indices[order])

    def take(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Chosen samples in the order of their indices into the source, which have to be among `indices`.

        Returns:
            As `epoch` yields.
        """
        return self._batch(index)

    def _batch(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.images_drawn += len(index)
        return *self.source.take(index, self.augment, self._generator), index

    def _cuts(self, batch_size: int) -> list[tuple[int, int]]:
        total = len(self)
        starts = list(range(0, total, batch_size))
        if batch_size > 1 and len(starts) > 1 and starts[-1] == total - 1:
            starts.pop()
        return list(zip(starts, [*starts[1:], total], strict=False))


class Withheld(Split):
    """Samples that its reader said it would not read: asking for some is refused.

    Args:
        split: what is withheld; source and randomness are its own.
        why: who said so, for the message.
    """

    def __init__(self, split: Split, why: str) -> None:
        super().__init__(split.source, split.indices, split._generator, split.augment)
        self.why = why

    def part(self, indices: Tensor) -> Split:
        """Another part of what is withheld."""
        return Withheld(super().part(indices), self.why)

    def readable(self, indices: Tensor) -> Tensor:
        """None of them."""
        return self._refuse() if len(indices) else indices

    def _batch(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise BadInput("method", f"it asked for samples that it says it does not read ({self.why})")
