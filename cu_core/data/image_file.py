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

    def finish(self, channels: int, *, left_out: int = 0) -> None:
        """Makes the file complete and durable, widened to `channels` where it has fewer.

        Args:
            channels: that it has in the end.
            left_out: how many of the promised images could not be appended.
        """
        if self._filled + left_out != self._count:
            raise ValueError(f"{self._filled} images were written where {self._count - left_out} were promised")
        if self._filled and left_out:
            self._recount()
        if self._file is not None and self.shape[0] < channels:
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

    def _recount(self) -> None:
        """Writes the number of images anew; a header has room for a longer number than any."""
        self.close()
        before, self._count = self._header_size(), self._filled
        self._file = self._path.open("r+b")
        self._write_header(self._file)
        if self._file.tell() != before:
            raise ValueError("the header of a shorter file has another length")
        self._file.seek(0, os.SEEK_END)

    def _create(self, path: Path) -> IO[bytes]:
        file = path.open("wb")
        self._write_header(file)
        return file

    def _write_header(self, file: IO[bytes]) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._count, *self.shape)}
        np.lib.format.write_array_header_1_0(file, header)
