"""Images written one by one into a ``.npy`` file that may be larger than memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CHUNK = 1024
"""Images handled at a time where a whole dataset is passed through."""


class ImageFile:
    """A ``.npy`` of (count, channels, height, width) uint8 that grows image by image.

    The first image decides height and width. The file has one channel as long as all images are
    grey, and is widened to three by the first one in colour.

    Args:
        path: file to create.
        count: number of images that will be appended.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._count = count
        self._filled = 0
        self._array: np.ndarray | None = None

    @property
    def channels(self) -> int:
        """1 or 3; 0 before the first image."""
        return 0 if self._array is None else self._array.shape[1]

    def append(self, image: np.ndarray) -> None:
        """Adds a (1 or 3, h, w) uint8 image; a grey one fills all channels."""
        if self._array is None:
            self._array = self._create(self._path, image.shape)
        elif len(image) > self.channels:
            self._widen(len(image))
        self._array[self._filled] = image
        self._filled += 1

    def close(self, channels: int) -> None:
        """Writes the rest to disk, widened to `channels` where it has fewer."""
        if self.channels < channels:
            self._widen(channels)
        if isinstance(self._array, np.memmap):
            self._array.flush()
        self._array = None

    def _widen(self, channels: int) -> None:
        narrow = self._array
        assert narrow is not None
        temporary = self._path.with_suffix(".wide")
        wide = self._create(temporary, (channels, *narrow.shape[2:]))
        for start in range(0, self._filled, CHUNK):
            stop = min(start + CHUNK, self._filled)
            wide[start:stop] = narrow[start:stop]
        self._array = wide
        temporary.replace(self._path)

    def _create(self, path: Path, shape: tuple[int, ...]) -> np.ndarray:
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(self._count, *shape))
