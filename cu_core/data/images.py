"""A dataset in memory as plain NumPy arrays: images, labels and class names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cu_core.data.findings import Findings
from cu_core.data.sample_names import read_names


@dataclass(frozen=True)
class ImageData:
    """Train and test images of one dataset.

    Attributes:
        train_images: (n, channels, height, width) uint8, possibly memory-mapped.
        train_labels: (n,) int64, as the model is trained on them.
        test_images: (m, channels, height, width) uint8.
        test_labels: (m,) int64.
        classes: class names by label.
        mean: per-channel mean of the training images, scaled to 0..1.
        std: per-channel standard deviation, same scale.
        true_labels: (n,) int64, the labels before noise was injected; equals `train_labels` where
            there was none.
        sha256: hash over images, labels and class names.
        findings: what was found and how it was read; None where nothing is to be said.
        folder: where it is kept; None if it is only in memory.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    true_labels: np.ndarray
    sha256: str
    findings: Findings | None = None
    folder: Path | None = None

    def names(self, split: str) -> list[str]:
        """Names of the samples of ``"train"`` or ``"test"``, read from disk; empty where they have none."""
        return [] if self.folder is None else read_names(self.folder, split)

    @property
    def mislabelled(self) -> np.ndarray:
        """(k,) int64: indices of training samples whose label was replaced by noise."""
        return np.flatnonzero(self.train_labels != self.true_labels)
