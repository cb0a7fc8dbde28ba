"""CIFAR-10, CIFAR-100 and SVHN: found or downloaded, and read by torchvision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100, SVHN

from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.download import fetch
from cu_core.data.source import Progress, Source
from cu_core.data.transform import resize


def load(spec: DataSpec, home: Home, progress: Progress) -> Source:
    """The published training and test images; for SVHN without the extra set.

    Raises:
        DatasetError: not there and not to be downloaded; says what to do instead.
    """
    root = home.datasets / "downloads"
    root.mkdir(parents=True, exist_ok=True)
    if spec.dataset == "svhn":
        parts = {split: _svhn(root, split, progress) for split in ("train", "test")}
        classes = tuple(str(digit) for digit in range(10))
        images = {split: part.data for split, part in parts.items()}
        labels = {split: part.labels.astype(np.int64) for split, part in parts.items()}
    else:
        kind = {"cifar10": CIFAR10, "cifar100": CIFAR100}[spec.dataset]
        parts = {split: _cifar(kind, root, split == "train", progress) for split in ("train", "test")}
        classes = tuple(parts["train"].classes)
        images = {split: part.data.transpose(0, 3, 1, 2) for split, part in parts.items()}
        labels = {split: np.array(part.targets, dtype=np.int64) for split, part in parts.items()}

    def read(split: str, indices: np.ndarray) -> Iterator[np.ndarray]:
        for index in indices:
            image = images[split][index]
            yield resize(image, spec.image_size or image.shape[1])

    return Source(classes, labels["train"], labels["test"], read)


def _cifar(kind: Any, root: Path, train: bool, progress: Progress) -> Any:
    try:
        return kind(root, train=train)
    except RuntimeError:  # torchvision's word for "not there, or damaged"
        fetch(kind.url, root / kind.filename, kind.tgz_md5, progress)
        return kind(root, train=train, download=True)  # finds the archive and only unpacks it


def _svhn(root: Path, split: str, progress: Progress) -> Any:
    url, filename, md5 = SVHN.split_list[split]
    fetch(url, root / filename, md5, progress)
    return SVHN(root, split=split)
