"""Downsampling of images by averaging."""

from __future__ import annotations

import numpy as np


def shrunk(images: np.ndarray, side: int) -> np.ndarray:
    """Images averaged over blocks, scaled to 0..1.

    Args:
        images: (n, channels, h, w) uint8.
        side: wanted height and width; images that are smaller stay as they are.

    Returns:
        (n, channels, min(h, side), min(w, side)) float32. Every output pixel is the mean of its own block; where the
        sizes do not divide, blocks differ by a pixel.
    """
    pixels = np.asarray(images).astype(np.float32) / np.float32(255)
    for axis in (2, 3):
        length = pixels.shape[axis]
        if length > side:
            edges = np.arange(side) * length // side
            counts = np.diff(np.append(edges, length)).astype(np.float32)
            shape = [1, 1, 1, 1]
            shape[axis] = side
            pixels = np.add.reduceat(pixels, edges, axis=axis) / counts.reshape(shape)
    return pixels
