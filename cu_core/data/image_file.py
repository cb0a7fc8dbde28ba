"""Images written one by one into a ``.npy`` file that may be larger than memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import numpy as np

CHUNK = 1024
"""Images handled at a time where a whole dataset is passed through."""


class ImageFile:
    """A ``.npy`` of (count, channels, height, width) uint8 that grows image by image.

    The first image decides height and width. The file has one channel as long as all images are
    grey, and is widened to three by the first one in colour. It is written, not mapped: on a full
    disk a mapped file kills the process where a written one raises an error.

    Args:
        path: file to create.
        count: number of images that will be appended.

    Attributes:
        shape: (channels, height, width) so far; empty before the first image.
    """

    def __init__(self, path: Path, count: int) -> None:
        self.shape: tuple[int, ...] = ()
        self._path = path
        self._count = count
        self._filled = 0
        self._file: IO[bytes] | None = None

    def append(self, image: np.ndarray) -> None:
        """Adds a (1 or 3, h, w) uint8 image; a grey one fills all channels."""
        if self._file is None:
            self.shape = image.shape
            self._file = self._create(self._path)
        elif len(image) > self.shape[0]:
            self._widen(len(image))
        self._file.write(np.broadcast_to(image, self.shape).tobytes())
        self._filled += 1

    def finish(self, channels: int) -> None:
        """Makes the file complete and durable, widened to `channels` where it has fewer."""
        if self._filled != self._count:
            raise ValueError(f"{self._filled} images were written where {self._count} were promised")
        if self.shape[0] < channels:
            self._widen(channels)
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
        self.close()

    def close(self) -> None:
        """Lets go of the file, complete or not."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _widen(self, channels: int) -> None:
        self.close()
        offset, narrow_shape = self._header_size(), self.shape
        self.shape = (channels, *narrow_shape[1:])
        wide = self._path.with_suffix(".wide")
        self._file = self._create(wide)
        if self._filled:
            narrow = np.memmap(self._path, np.uint8, "r", offset, (self._filled, *narrow_shape))
            for start in range(0, self._filled, CHUNK):
                part = narrow[start : start + CHUNK]
                self._file.write(np.broadcast_to(part, (len(part), *self.shape)).tobytes())
        wide.replace(self._path)

    def _header_size(self) -> int:
        with self._path.open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            return file.tell()

    def _create(self, path: Path) -> IO[bytes]:
        file = path.open("wb")
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._count, *self.shape)}
        np.lib.format.write_array_header_1_0(file, header)
        return file
