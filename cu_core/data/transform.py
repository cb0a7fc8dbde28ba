"""Conversion of image files and arrays to square uint8 images of one size."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

# Larger pictures are refused: one of them would need as much memory as a whole dataset.
MAX_PIXELS = 64_000_000
# What a file is decides its content, not its name. Other formats of Pillow start programs (EPS runs Ghostscript) or
# are read by decoders that few people use and test.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_GREY_MODES = {"1", "L", "LA", "La"}
_SIXTEEN_BIT_MODES = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
_ORIENTATION_TAG = 0x0112


class Unreadable(Exception):
    """A file that is no usable picture; the message says why."""


def decode(content: bytes, size: int) -> np.ndarray:
    """A picture file as a square image.

    The picture keeps its proportions: it is scaled so that it covers the square, and what sticks
    out is cut off evenly. Transparency is dropped; of an animation the first frame counts.

    Args:
        content: bytes of a png, jpeg, webp, … file.
        size: height and width of the result in pixels.

    Returns:
        (1, size, size) uint8 for grey pictures, (3, size, size) for colour.

    Raises:
        Unreadable: damaged, no picture, or more than `MAX_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable(f"{image.width}×{image.height} px is more than {MAX_PIXELS // 10**6} megapixels")
            # JPEG can be decoded at a fraction of its size, which is most of the time of large photographs.
            image.draft(None, (2 * size, 2 * size))
            return to_array(_upright(image), size)
    except Unreadable:
        raise
    except Exception as error:  # Pillow's decoders raise a wide range of exceptions on damaged files
        raise Unreadable(str(error) or type(error).__name__) from error


def to_array(image: Image.Image, size: int) -> np.ndarray:
    """A Pillow image as (1 or 3, size, size) uint8; see `decode`."""
    if image.mode in _SIXTEEN_BIT_MODES:
        wide = np.asarray(image).astype(np.int64)
        image = Image.fromarray((np.clip(wide, 0, 65535) // 257).astype(np.uint8))
    elif image.mode in _GREY_MODES:
        image = image.convert("L")
    elif image.mode != "RGB":
        image = image.convert("RGB")
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """A (1 or 3, h, w) uint8 array in another size; unchanged where it has that size already."""
    if image.shape[1:] == (size, size):
        return image
    picture = Image.fromarray(image[0]) if len(image) == 1 else Image.fromarray(image.transpose(1, 2, 0))
    return to_array(picture, size)


def _upright(image: Image.Image) -> Image.Image:
    """Turns photographs the way that the camera was held."""
    if image.getexif().get(_ORIENTATION_TAG, 1) == 1:
        return image
    return ImageOps.exif_transpose(image)
