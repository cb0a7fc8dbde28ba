"""Thumbnails of samples as PNG bytes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

EDGE = 128
"""Grey around each image, so that neighbours do not run into each other."""


def framed(images: np.ndarray) -> np.ndarray:
    """Images with a grey line around each: some, as digits, have the same colour at their edges.

    Args:
        images: (n, channels, h, w) uint8.

    Returns:
        (n, channels, h + 2 e, w + 2 e) uint8, with e a sixteenth of the width and at least one.
    """
    edge = max(1, images.shape[-1] // 16)
    return np.pad(images, ((0, 0), (0, 0), (edge, edge), (edge, edge)), constant_values=EDGE)


def sprite(images: np.ndarray, tile: int, columns: int, *, clear: bool = False) -> bytes:
    """Many images in one picture, row by row.

    Args:
        images: (n, 1 or 3, h, w) uint8, n at least 1.
        tile: height and width of each image in the result, in pixels.
        columns: images per row; fewer images than that make a single shorter row.
        clear: whether tiles beyond the last image are transparent, and not black.

    Returns:
        A PNG of ceil(n / columns) rows; of one channel or three, and of one more where tiles are transparent.
    """
    n, channels, height, width = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    cells = np.zeros((rows * columns, channels, height, width), dtype=np.uint8)
    cells[:n] = images
    grid = cells.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    pixels = grid.reshape(rows * height, columns * width, channels)
    picture = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    # Tiles stay apart: every pixel of the result is made of pixels of one image, because the scale of
    # the whole is exactly the scale of a tile.
    kind = Image.Resampling.NEAREST if tile >= max(height, width) else Image.Resampling.BOX
    sheet = picture.resize((columns * tile, rows * tile), kind)
    if clear and n < rows * columns:
        shown = Image.new("L", sheet.size, 255)
        shown.paste(0, ((n - (rows - 1) * columns) * tile, (rows - 1) * tile, *sheet.size))
        sheet.putalpha(shown)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def thumbnail(image: np.ndarray, tile: int) -> bytes:
    """One (1 or 3, h, w) uint8 image as a PNG of tile × tile pixels."""
    return sprite(np.asarray(image)[None], tile, 1)
