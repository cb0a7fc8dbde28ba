"""Images from arrays: which axis is which, what a value means, and square pixels of one size."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.data.findings import Findings
from cu_core.data.layouts.listing import Pixels
from cu_core.data.layouts.stored_array import StoredArray, holds_numbers
from cu_core.data.pixel_range import PixelRange, array_range
from cu_core.data.source import Progress
from cu_core.data.transform import BACKGROUNDS, MAX_PIXELS, resize
from cu_core.data.trees.limits import FIELD

_CHANNELS = (1, 3, 4)
_AT_ONCE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Axes:
    """How one image lies in its row of an array.

    Attributes:
        height: pixels.
        width: pixels.
        channels: 1, 3, or 4 with alpha.
        order: the axes in letters.
    """

    height: int
    width: int
    channels: int
    order: str

    def image(self, row: np.ndarray) -> np.ndarray:
        """The row as (channels, height, width)."""
        if self.order == "HW":
            return row[None]
        return row if self.order == "CHW" else row.transpose(2, 0, 1)


def axes_of(array: StoredArray) -> Axes:
    """Tells the axes by their lengths.

    Raises:
        DatasetError: these are no images of 1, 3 or 4 channels.
    """
    shape = array.shape[1:]
    if not holds_numbers(array):
        raise DatasetError(FIELD, f"{array.name} holds {array.dtype}, no numbers")
    if not array.shape or array.shape[0] == 0 or math.prod(shape) == 0:
        raise DatasetError(FIELD, f"{array.name} is empty")
    axes = None
    if len(shape) == 2:
        axes = Axes(shape[0], shape[1], 1, "HW")
    elif len(shape) == 3:
        last, first = shape[2] in _CHANNELS, shape[0] in _CHANNELS
        # Where both could be channels, an image is likelier to be square.
        if first and (not last or (shape[1] == shape[2] and shape[0] != shape[1])):
            axes = Axes(shape[1], shape[2], shape[0], "CHW")
        elif last:
            axes = Axes(shape[0], shape[1], shape[2], "HWC")
    if axes is None:
        raise DatasetError(
            FIELD,
            f"{array.name} of shape {' × '.join(map(str, array.shape))} holds no images",
            ("n × height × width", "n × height × width × channels", "n × channels × height × width"),
        )
    if axes.height * axes.width > MAX_PIXELS:
        raise DatasetError(FIELD, f"{array.name} has images of more than {MAX_PIXELS // 10**6} megapixels")
    return axes


class ArrayPixels(Pixels):
    """Reads images of arrays, called ``FILE[ROW]``.

    Args:
        arrays: by file; all of one type.
        size: height and width of the results in pixels.
        background: one of `BACKGROUNDS`.
        progress: told while the range of values is looked for.
    """

    def __init__(self, arrays: Mapping[str, StoredArray], size: int, background: str, progress: Progress) -> None:
        self._arrays = arrays
        self._axes = {name: axes_of(array) for name, array in arrays.items()}
        self._size, self._background, self._progress = size, background, progress
        self._range: PixelRange | None = None

    @override
    def read(self, names: Sequence[str]) -> Iterator[np.ndarray]:
        start = 0
        while start < len(names):
            file = _file(names[start])
            end = start + 1
            while end < len(names) and names[end].startswith(f"{file}["):
                end += 1
            rows = [int(name[len(file) + 1 : -1]) for name in names[start:end]]
            for row in self._arrays[file].rows(rows):
                yield resize(self._pixels(self._axes[file].image(row)), self._size)
            start = end

    @override
    def findings(self, before: Findings) -> Findings:
        modes: dict[str, int] = {}
        for name, array in self._arrays.items():
            axes = self._axes[name]
            kind = {1: "grey", 3: "RGB", 4: "RGB with alpha"}[axes.channels]
            words = f"images of {kind}, {array.dtype}, axes {axes.order}"
            modes[words] = modes.get(words, 0) + array.shape[0]
        sides = sorted(((axes.width, axes.height) for axes in self._axes.values()), key=math.prod)
        scaled: tuple[str, ...] = ()
        if self._range is not None:
            scaled = (f"Values are scaled from {self._range.words}, the same for all images.",)
        alpha = any(axes.channels == 4 for axes in self._axes.values())
        notes = (f"Transparent parts are laid on {self._background}.",) if alpha else ()
        return dataclasses.replace(
            before,
            modes=(*before.modes, *modes.items()),
            sizes=(sides[0], sides[-1]),
            scaled=(*before.scaled, *scaled),
            notes=(*before.notes, *notes),
        )

    def _pixels(self, image: np.ndarray) -> np.ndarray:
        """(1 or 3, h, w) uint8."""
        if image.dtype != np.uint8:
            self._range = self._range or self._find_range()
            image = self._range.pixels(np.ascontiguousarray(image))
        if len(image) == 4:
            colours, alpha = image[:3].astype(np.uint32), image[3:].astype(np.uint32)
            ground = BACKGROUNDS[self._background]
            image = ((colours * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)
        return image

    def _find_range(self) -> PixelRange:
        found = array_range(self._blocks())
        if found is None:
            names = ", ".join(self._arrays)
            raise DatasetError(FIELD, f"{names}: some values are no finite numbers", ("numbers without NaN",))
        return found

    def _blocks(self) -> Iterator[np.ndarray]:
        for array in self._arrays.values():
            total = array.shape[0]
            step = max(1, _AT_ONCE_BYTES // max(1, array.dtype.itemsize * math.prod(array.shape[1:])))
            block: list[np.ndarray] = []
            for done, row in enumerate(array.rows(range(total))):
                block.append(row)
                if len(block) == step or done + 1 == total:
                    self._progress(done, total, "looking for the range of values")
                    yield np.stack(block)
                    block = []


def _file(name: str) -> str:
    return name.rpartition("[")[0]
