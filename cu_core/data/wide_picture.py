"""Pictures whose values have more than 8 bits: their values as they are stored, and what is known of their range.

Pillow opens coloured pictures of 16 bits as ones of 8 and drops the lower half of each value. In a set of 12 bits that
is nearly everything. The lower half is to be had, though: decoded with bytes in the other order, the same file gives
it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cu_core.data.pixel_range import FRACTIONS, WHOLE, PixelRange

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT, _ORIENTATION = 258, 262, 339, 0x0112
_WHITE_IS_ZERO = 0
_UNSIGNED, _SIGNED = 1, 2
_SIXTEEN = 65535
# Modes that hold colours of 16 bits in two decodings of 8, by the order of bytes that Pillow reads.
_OTHER_ORDER = {
    f"{kind};16{order}": f"{kind};16{other}"
    for kind in ("RGB", "RGBA", "RGBX")
    for order, other in (("L", "B"), ("B", "L"), ("N", "B" if np.little_endian else "L"))
}
_GREY_AND_ALPHA = "LA;16B"


@dataclass(frozen=True)
class WidePicture:
    """A picture of more than 8 bits.

    Attributes:
        values: (h, w, 1 or 3) numbers as they are stored.
        group: pictures that share a range, in words.
        family: of the numbers, for `cu_core.data.pixel_range.range_of`.
        stored: how pixels are stored, in words.
        alpha: (h, w) uint8; None where everything is opaque.
        known: the range, where the format itself says it.
        inverted: whether small values are bright.
        orientation: as EXIF has it.
        more: whether the file holds further pictures.
    """

    values: np.ndarray
    group: str
    family: str
    stored: str
    alpha: np.ndarray | None = None
    known: PixelRange | None = None
    inverted: bool = False
    orientation: int = 1
    more: bool = False


def wide_picture(image: Image.Image, content: bytes) -> WidePicture | None:
    """What a picture of more than 8 bits holds; None for one of 8 bits.

    Args:
        image: opened, not decoded yet.
        content: the file's bytes.
    """
    tags = getattr(image, "tag_v2", {})
    mode, raw = image.mode, _raw_mode(image)
    known: PixelRange | None = None
    if mode == "F":
        group, family, stored = "fractions", FRACTIONS, "grey, floating point"
    elif mode == "L" and _SIGNED in _formats(tags):
        group, family, stored = "signed numbers of 8 bits", WHOLE, "grey, 8 bits with sign"
    elif mode.startswith("I;16"):
        group, family, stored = "numbers of 16 bits", WHOLE, "grey, 16 bits"
        if tuple(tags.get(_BITS, ())) == (12,):
            stored, known = "grey, 12 bits", PixelRange(0, 4095, "12 bits, as the file says")
    elif mode == "I":
        group, family, stored = "numbers of 32 bits", WHOLE, "grey, 32 bits"
        if raw == "I;16S":
            group, stored = "signed numbers of 16 bits", "grey, 16 bits with sign"
        elif image.format == "PPM":
            group, stored = "numbers of 16 bits", "grey, 16 bits"
            # Unless that is 65535, Pillow has scaled the values by the largest one that the file names.
            known = None if raw == "I;16B" else PixelRange(0, _SIXTEEN, "as the file says")
    elif raw in _OTHER_ORDER or raw == _GREY_AND_ALPHA:
        group, family, stored = "numbers of 16 bits", WHOLE, "RGB, 16 bits"
        return _coloured(image, content, raw, group, family, stored)
    else:
        return None
    values = np.asarray(image)
    if group == "signed numbers of 8 bits":
        values = values.view(np.int8)
    elif group == "numbers of 32 bits" and _UNSIGNED in _formats(tags):
        values = values.view(np.uint32)
    clear = image.info.get("transparency")
    alpha = None if clear is None else np.where(values == clear, 0, 255).astype(np.uint8)
    return WidePicture(
        values[:, :, None],
        group,
        family,
        stored,
        alpha,
        known,
        tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
        _orientation(image),
        bool(getattr(image, "is_animated", False)),
    )


def _coloured(image: Image.Image, content: bytes, raw: str, group: str, family: str, stored: str) -> WidePicture:
    if raw == _GREY_AND_ALPHA:
        # Two values of two bytes are as long as the four bytes of RGBA.
        halves = np.asarray(_opened_as(content, "RGBA", "RGBA"))
        values = halves[..., :1].astype(np.uint16) * 256 + halves[..., 1:2]
        stored = "grey with alpha, 16 bits"
        return WidePicture(values, group, family, stored, halves[..., 2], orientation=_orientation(image))
    upper = np.asarray(image)
    lower = np.asarray(_opened_as(content, image.mode, _OTHER_ORDER[raw]))
    both = upper.astype(np.uint16) * 256 + lower
    values, alpha = both[..., :3], None
    if image.mode == "RGBA":
        stored, alpha = "RGB with alpha, 16 bits", upper[..., 3]
    elif (clear := image.info.get("transparency")) is not None:
        alpha = np.where((values == np.array(clear)).all(2), 0, 255).astype(np.uint8)
    return WidePicture(values, group, family, stored, alpha, orientation=_orientation(image))


def _opened_as(content: bytes, mode: str, raw: str) -> Image.Image:
    """A picture whose bytes are taken in another mode than its own."""
    image = Image.open(io.BytesIO(content))
    image._mode = mode
    image.tile = [
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))  # type: ignore[index]
        for tile in image.tile
    ]
    image.load()
    return image


def _raw_mode(image: Image.Image) -> str:
    for tile in getattr(image, "tile", ()):
        arguments = tile.args
        return str(arguments if isinstance(arguments, str) else (arguments or ("",))[0])
    return ""


def _formats(tags: object) -> tuple[int, ...]:
    found = tags.get(_SAMPLE_FORMAT, ()) if hasattr(tags, "get") else ()
    return tuple(found) if isinstance(found, tuple) else (found,)


def _orientation(image: Image.Image) -> int:
    # A TIFF is turned by Pillow as it is decoded, and says 1 from then on.
    return int(image.getexif().get(_ORIENTATION, 1))
