"""The digits that come with scikit-learn: 1,797 grey images of 8×8 pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits

from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.sampling import stratified_split
from cu_core.data.source import Progress, Source
from cu_core.data.transform import resize

TEST_SIZE = 500
SIZE = 8
_HIGHEST = 16


def load(spec: DataSpec, home: Home, progress: Progress) -> Source:
    """The digits, split by class into 1,297 training and 500 test images with the split seed."""
    bunch = load_digits()
    images = np.rint(bunch.images * (255 / _HIGHEST)).astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    train, test = stratified_split(labels, TEST_SIZE, spec.split_seed)
    parts = {"train": images[train], "test": images[test]}

    def read(split: str, indices: np.ndarray) -> Iterator[np.ndarray]:
        for image in parts[split][indices]:
            yield resize(image, spec.image_size or SIZE)

    return Source(tuple(str(name) for name in bunch.target_names), labels[train], labels[test], read)
