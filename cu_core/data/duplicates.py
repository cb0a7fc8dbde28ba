"""Duplicates: unseen images that are training images as well, and those that differ least from a training image."""

from __future__ import annotations

import hashlib

import numpy as np

from cu_core.data.shrink import shrunk

SIDE = 8
"""Images are compared at this many px, where compression and small shifts of larger pictures hardly count."""

_BLOCK = 4096
_DIGEST = 16
_DECIMALS = 6


def trained_on(train: np.ndarray, test: np.ndarray) -> int:
    """How many unseen images have the very pixels of a training image.

    Args:
        train: (n, channels, h, w) uint8; may be mapped from a file.
        test: (m, channels, h, w) uint8.
    """
    return int(np.isin(_digests(test), _digests(train)).sum())


def _digests(images: np.ndarray) -> np.ndarray:
    """(n,) values of 16 bytes, which are equal where all pixels are."""
    parts = (images[start : start + _BLOCK] for start in range(0, len(images), _BLOCK))
    found = (hashlib.blake2b(image.tobytes(), digest_size=_DIGEST).digest() for part in parts for image in part)
    return np.frombuffer(b"".join(found), dtype=f"S{_DIGEST}")


def distances(images: np.ndarray, index: int) -> np.ndarray:
    """How far every image is from one of them: Euclidean distance of small pictures of equal brightness and contrast.

    Pictures are averaged to 8×8 px per channel, brought to mean 0 and length 1 over all their pixels: the square of
    the distance is twice one minus the correlation of their pixels. 0 is the same picture up to brightness and
    contrast, √2 is unrelated, 2 is the negative.

    Args:
        images: (n, channels, h, w) uint8.
        index: of the image to compare with.

    Returns:
        (n,) float64, rounded to six decimals so that the order does not depend on the machine; 0 at `index`.
    """
    own = small_pictures(images[index : index + 1])[0]
    found = np.empty(len(images))
    for start in range(0, len(images), _BLOCK):
        block = small_pictures(images[start : start + _BLOCK])
        found[start : start + _BLOCK] = np.sqrt(np.square(block - own).sum(1))
    return np.round(found, _DECIMALS)


def nearest(images: np.ndarray, index: int, count: int) -> np.ndarray:
    """(count + 1,) int64 sorted: one image and the `count` nearest others; of equally near ones those that come first.

    Args:
        images: (n, channels, h, w) uint8.
        index: of the image to start from.
        count: of others, less than n.
    """
    far = distances(images, index)
    far[index] = -1.0
    return np.sort(np.argsort(far, kind="stable")[: count + 1]).astype(np.int64)


def small_pictures(images: np.ndarray) -> np.ndarray:
    """(n, d) float64: pictures of 8×8 px per channel at mean 0 and length 1; of length 0 where they have one colour."""
    flat = shrunk(images, SIDE).reshape(len(images), -1).astype(np.float64)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    # A picture of one colour has no pattern; any two of them count as the same.
    return flat / np.where(length > 1e-9, length, 1.0)
