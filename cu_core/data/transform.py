"""Conversion of image files and arrays to square uint8 images of one size."""

from __future__ import annotations

import dataclasses
import io
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cu_core.data.picture_fault import fault_of
from cu_core.data.pixel_range import PixelRange, Spread, range_of
from cu_core.data.source import Unreadable
from cu_core.data.tiff_values import UnusualTiff, tiff_values
from cu_core.data.wide_picture import WidePicture, wide_picture

# Larger pictures are refused: one of them would need as much memory as a whole dataset.
MAX_PIXELS = 64_000_000
# Pictures of this many pixels are decoded one at a time, however many threads there are.
LARGE_PIXELS = 8_000_000
# What a file is decides its content, not its name. Other formats of Pillow start programs (EPS runs Ghostscript) or
# are read by decoders that few people use and test.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
BACKGROUNDS = {"white": 255, "black": 0, "grey": 128}
"""What transparent parts are laid on, and its level."""

_GREY_MODES = {"1", "L"}
_WORDS = {
    "1": "black and white, 1 bit",
    "L": "grey, 8 bits",
    "LA": "grey with alpha, 8 bits",
    "La": "grey with alpha, 8 bits",
    "P": "palette",
    "PA": "palette with alpha",
    "RGB": "RGB, 8 bits",
    "RGBA": "RGB with alpha, 8 bits",
    "RGBa": "RGB with alpha, 8 bits",
    "CMYK": "CMYK, 8 bits",
    "YCbCr": "YCbCr, 8 bits",
    "LAB": "Lab, 8 bits",
}
_ORIENTATION_TAG = 0x0112
_QUARTER_TURNS = range(5, 9)
_LARGE = threading.Lock()


@dataclass(frozen=True)
class DecodedPicture:
    """A picture file and what was met in it.

    Attributes:
        pixels: (1 or 3, size, size) uint8; None where the range of its values has to be known first.
        stored: how its pixels are stored, such as ``"RGB, 8 bits"``.
        width: in pixels, of the picture as it stands upright, before anything else was done.
        height: the same.
        wide: which other pictures its values of more than 8 bits share a range with; empty for one of 8 bits.
        spread: of those values; None for a picture of 8 bits.
        family: of those values, for `cu_core.data.pixel_range.range_of`; empty for a picture of 8 bits.
        transparent: whether parts of it were laid on the background.
        more: whether the file holds further pictures, of which the first was taken.
    """

    pixels: np.ndarray | None
    stored: str
    width: int
    height: int
    wide: str = ""
    spread: Spread | None = None
    family: str = ""
    transparent: bool = False
    more: bool = False


def decode(content: bytes, size: int, background: str = "white") -> np.ndarray:
    """A picture file as a square image, by itself: a range of more than 8 bits is judged by this picture alone.

    Args:
        content: bytes of a png, jpeg, webp, … file.
        size: height and width of the result in pixels.
        background: one of `BACKGROUNDS`, below transparent parts.

    Returns:
        (1, size, size) uint8 for grey pictures, (3, size, size) for colour.

    Raises:
        Unreadable: see `read_picture`.
    """
    found = read_picture(content, size, background)
    if found.pixels is None and found.spread is not None:
        found = read_picture(content, size, background, {found.wide: range_of(found.family, found.spread)})
    if found.pixels is None:
        raise ValueError("a picture has a range of its own")
    return found.pixels


def read_picture(
    content: bytes,
    size: int,
    background: str = "white",
    ranges: Mapping[str, PixelRange] | None = None,
    *,
    measure: bool = False,
) -> DecodedPicture:
    """Reads a picture file.

    The picture keeps its proportions: it is scaled so that it covers the square, and what sticks out is cut off
    evenly. Transparent parts are laid on the background; of an animation the first frame counts.

    Args:
        content: bytes of a png, jpeg, webp, … file.
        size: height and width of the result in pixels.
        background: one of `BACKGROUNDS`.
        ranges: of values of more than 8 bits, by `DecodedPicture.wide`; one whose range is missing has no pixels yet.
        measure: looks for the spread of such values alone; no picture has pixels then, and one of 8 bits is not
            decoded.

    Raises:
        Unreadable: damaged, no picture, or more than `MAX_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > MAX_PIXELS:
                raise Unreadable(f"{image.width}×{image.height} px is more than {MAX_PIXELS // 10**6} megapixels")
            # JPEG can be decoded at a fraction of its size, which is most of the time of large photographs.
            width, height = image.size
            image.draft(None, (2 * size, 2 * size))
            with _LARGE if image.width * image.height > LARGE_PIXELS else nullcontext():
                wide = wide_picture(image, content)
                if wide is None:
                    return _usual(image, (width, height), None if measure else size, background)
                return _wide(wide, (width, height), size, background, {} if measure else (ranges or {}))
    except Unreadable:
        raise
    except Exception as error:  # Pillow's decoders raise a wide range of exceptions on damaged files
        other = _unusual(content) if isinstance(error, UnidentifiedImageError) else None
        if other is None:
            raise Unreadable(fault_of(content, error)) from error
        return _wide(*other, size, background, {} if measure else (ranges or {}))


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """A (1 or 3, h, w) uint8 array in another size; unchanged where it has that size already."""
    if image.shape[1:] == (size, size):
        return image
    picture = Image.fromarray(image[0]) if len(image) == 1 else Image.fromarray(image.transpose(1, 2, 0))
    return _square(picture, size)


def _unusual(content: bytes) -> tuple[WidePicture, tuple[int, int]] | None:
    """A picture that Pillow does not open, with its sides."""
    try:
        return tiff_values(content, MAX_PIXELS)
    except UnusualTiff as error:
        raise Unreadable(str(error)) from error


def _usual(image: Image.Image, sides: tuple[int, int], size: int | None, background: str) -> DecodedPicture:
    """A picture of 8 bits; without a size, what its head says of it."""
    sides = _upright_sides(sides, image.getexif().get(_ORIENTATION_TAG, 1))
    stored, more = _WORDS.get(image.mode, image.mode), bool(getattr(image, "is_animated", False))
    if size is None:
        return DecodedPicture(None, stored, *sides, more=more)
    flat, transparent = _laid(_upright(image), BACKGROUNDS[background])
    return DecodedPicture(_square(flat, size), stored, *sides, transparent=transparent, more=more)


def _wide(
    wide: WidePicture, sides: tuple[int, int], size: int, background: str, ranges: Mapping[str, PixelRange]
) -> DecodedPicture:
    spread = Spread.of(wide.values)
    if spread is None:
        raise Unreadable("it holds values that are no finite numbers")
    known = wide.known or ranges.get(wide.group)
    sides = _upright_sides(sides, wide.orientation)
    found = DecodedPicture(
        None, wide.stored, *sides, "" if wide.known else wide.group, spread, wide.family, more=wide.more
    )
    if known is None:
        return found
    flat, transparent = _laid(_eight_bits(wide, known), BACKGROUNDS[background])
    return dataclasses.replace(found, pixels=_square(flat, size), transparent=transparent)


def _eight_bits(wide: WidePicture, known: PixelRange) -> Image.Image:
    pixels = known.pixels(wide.values)
    if wide.inverted:
        pixels = 255 - pixels
    image = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0])
    if wide.alpha is not None:
        image.putalpha(Image.fromarray(wide.alpha))
    return _turned(image, wide.orientation)


def _laid(image: Image.Image, level: int) -> tuple[Image.Image, bool]:
    """A picture in 8 bits without alpha, grey or RGB, and whether anything of it was transparent."""
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if not image.has_transparency_data:
        return (image.convert("L") if image.mode in _GREY_MODES else _rgb(image)), False
    grey = image.mode in (*_GREY_MODES, "LA")
    image = image.convert("LA" if grey else "RGBA")
    alpha = image.getchannel("A")
    colours = image.convert("L" if grey else "RGB")
    lowest = alpha.getextrema()[0]
    if lowest == 255:
        return colours, False
    ground = Image.new(colours.mode, image.size, level if grey else (level, level, level))
    ground.paste(colours, mask=alpha)
    return ground, True


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


def _square(image: Image.Image, size: int) -> np.ndarray:
    """An 8-bit grey or RGB image as (1 or 3, size, size) uint8; see `read_picture`."""
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _upright(image: Image.Image) -> Image.Image:
    """Turns photographs the way that the camera was held."""
    if image.getexif().get(_ORIENTATION_TAG, 1) == 1:
        return image
    return ImageOps.exif_transpose(image)


def _upright_sides(sides: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height after a turn as EXIF numbers them."""
    return (sides[1], sides[0]) if orientation in _QUARTER_TURNS else sides


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    """The same for a picture that was made of another's values."""
    image.getexif()[_ORIENTATION_TAG] = orientation
    return ImageOps.exif_transpose(image)
