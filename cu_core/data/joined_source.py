"""Training images and some unseen ones as one source, without a copy of either."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from cu_core.data.batches import ImageSource


class JoinedSource(ImageSource):
    """All images of one source, followed by some of another.

    Index i below n is image i of the first source; index n + k is image ``rows[k]`` of the second.

    Args:
        first: n images.
        second: images of the same shape on the same device.
        rows: (m,) integers into the second source.
        labels: (m,) of those rows; they need not be the second source's own.
    """

    def __init__(self, first: ImageSource, second: ImageSource, rows: np.ndarray, labels: np.ndarray) -> None:
        # Not that of `ImageSource`: the images stay where they are.
        self.device = first.device
        self.resident = first.resident and second.resident
        self.moments = first.moments
        self.mean, self.std = first.mean, first.std
        self._mean, self._std = first.mean * 255, first.std * 255
        self._first, self._second = first, second
        self._rows = torch.tensor(np.asarray(rows), dtype=torch.int64)
        more = torch.tensor(np.asarray(labels), dtype=torch.int64, device=self.device)
        self.labels = torch.cat([first.labels, more])

    @override
    def _pixels(self, index: Tensor) -> Tensor:
        index = index.cpu()
        foreign = index >= len(self._first)
        if not bool(foreign.any()):
            return self._first._pixels(index)
        theirs = self._second._pixels(self._rows[index[foreign] - len(self._first)])
        pixels = theirs.new_empty((len(index), *theirs.shape[1:]))
        pixels[foreign.to(pixels.device)] = theirs
        pixels[~foreign.to(pixels.device)] = self._first._pixels(index[~foreign])
        return pixels
