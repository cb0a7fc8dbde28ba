"""TIFF files that Pillow does not open, as scientific programs write them: colours in floating point, double precision.

Read are strips without compression or with deflate, of one or three numbers a pixel. The rest is refused in words.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np

from cu_core.data.pixel_range import FRACTIONS, WHOLE
from cu_core.data.wide_picture import WidePicture

_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _ORIENTATION, _SAMPLES, _SIZES, _PLANAR, _PREDICTOR, _FORMAT = 273, 274, 277, 279, 284, 317, 339
_NONE, _DEFLATE = 1, (8, 32946)
_KINDS = {1: "u", 2: "i", 3: "f"}
_MOST_ENTRIES = 4096
_MOST_STRIPS = 2**20
_WHITE_IS_ZERO = 0


class UnusualTiff(Exception):
    """A TIFF that is not read; the message says what it is."""


def tiff_values(content: bytes, most_pixels: int) -> tuple[WidePicture, tuple[int, int]] | None:
    """The values of a TIFF's first picture, with its width and height; None for what is no TIFF.

    Args:
        content: the file's bytes.
        most_pixels: of a picture.

    Raises:
        UnusualTiff: a kind that is not read, or damaged.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
    if order is None:
        return None
    try:
        tags, more = _tags(content, order)
        return _picture(content, order, tags, more, most_pixels)
    except (struct.error, zlib.error, KeyError, IndexError, ValueError) as error:
        raise UnusualTiff("TIFF that is damaged") from error


def _picture(
    content: bytes, order: str, tags: Mapping[int, tuple[int, ...]], more: bool, most_pixels: int
) -> tuple[WidePicture, tuple[int, int]]:
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    samples = tags.get(_SAMPLES, (1,))[0]
    bits, kinds = set(tags.get(_BITS, (1,))), set(tags.get(_FORMAT, (1,)))
    depth, kind = bits.pop(), _KINDS.get(kinds.pop(), "")
    said = f"TIFF of {samples} × {depth} bits{', floating point' if kind == 'f' else ''}"
    if width * height > most_pixels:
        raise UnusualTiff(f"{width}×{height} px is more than {most_pixels // 10**6} megapixels")
    if (
        bits
        or kinds
        or not kind
        or samples not in (1, 3)
        or depth not in ((16, 32, 64) if kind == "f" else (8, 16, 32))
    ):
        raise UnusualTiff(f"{said}, which is not read; save it with one or three numbers a pixel")
    packing = tags.get(_COMPRESSION, (_NONE,))[0]
    if (packing != _NONE and packing not in _DEFLATE) or tags.get(_PREDICTOR, (1,))[0] != 1 or _OFFSETS not in tags:
        raise UnusualTiff(f"{said}, packed in a way that is not read; save it uncompressed, in strips")
    dtype = np.dtype(f"{order}{kind}{depth // 8}")
    body = _strips(content, tags, width * height * samples * dtype.itemsize, packing)
    flat = np.frombuffer(body, dtype)
    apart = tags.get(_PLANAR, (1,))[0] == 2
    values = flat.reshape(samples, height, width).transpose(1, 2, 0) if apart else flat.reshape(height, width, samples)
    family = FRACTIONS if kind == "f" else WHOLE
    how = f"floating point of {depth} bits" if kind == "f" else f"{depth} bits"
    group = "fractions" if kind == "f" else f"{'signed ' if kind == 'i' else ''}numbers of {depth} bits"
    found = WidePicture(
        values.astype(dtype.newbyteorder("=")),
        group,
        family,
        f"{'RGB' if samples == 3 else 'grey'}, {how}",
        inverted=samples == 1 and tags.get(_PHOTOMETRIC, (1,))[0] == _WHITE_IS_ZERO,
        orientation=tags.get(_ORIENTATION, (1,))[0],
        more=more,
    )
    return found, (width, height)


def _tags(content: bytes, order: str) -> tuple[dict[int, tuple[int, ...]], bool]:
    """The first picture's whole numbers by tag, and whether another picture follows."""
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    if count > _MOST_ENTRIES:
        raise ValueError(f"{count} tags")
    tags = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", content, place)
        letter = _TYPES.get(kind)
        if letter is None or number > _MOST_STRIPS:
            continue
        size = number * struct.calcsize(letter)
        at = place + 8 if size <= 4 else struct.unpack_from(f"{order}I", content, place + 8)[0]
        tags[tag] = struct.unpack_from(f"{order}{number}{letter}", content, at)
    (following,) = struct.unpack_from(f"{order}I", content, start + 2 + 12 * count)
    return tags, following != 0


def _strips(content: bytes, tags: Mapping[int, tuple[int, ...]], size: int, packing: int) -> bytes:
    """The picture's bytes, which are exactly `size`."""
    parts, left = [], size
    for offset, length in zip(tags[_OFFSETS], tags[_SIZES], strict=True):
        part = content[offset : offset + length]
        if packing != _NONE:
            # No more than is missing, whatever a strip says.
            part = zlib.decompressobj().decompress(part, left + 1)
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise ValueError("more bytes than pixels")
    if left:
        raise UnusualTiff("TIFF that is cut off")
    return b"".join(parts)
