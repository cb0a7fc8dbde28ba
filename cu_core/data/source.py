"""What a loader of a dataset returns: labels, and an iterator over images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Progress = Callable[[int, int, str], None]
"""Called with (done, total, message); may raise to stop the work."""


@dataclass(frozen=True)
class Source:
    """A dataset before anything is chosen, resized or decoded.

    Attributes:
        classes: class names by label.
        train_labels: (n,) int64.
        test_labels: (m,) int64.
        read: given ``"train"`` or ``"test"`` and (k,) sorted indices, yields k images in that order,
            each (channels, height, width) uint8. All have the same height and width; grey ones may
            have one channel where others have three.
    """

    classes: tuple[str, ...]
    train_labels: np.ndarray
    test_labels: np.ndarray
    read: Callable[[str, np.ndarray], Iterator[np.ndarray]]


def silent(done: int, total: int, message: str) -> None:
    """A progress callback that does nothing."""
