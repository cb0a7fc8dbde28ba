"""Tiny picture folders and datasets."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cu_core.data.images import ImageData

Pictures = Mapping[str, np.ndarray | bytes]


def _write(root: Path, pictures: Pictures) -> Path:
    for name, content in pictures.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            Image.fromarray(content).save(path)
    return root


@pytest.fixture
def write_folder(tmp_path: Path) -> Callable[[Pictures], Path]:
    """Writes arrays (h, w[, 3]) as pictures, and bytes as they are, below a folder."""
    return lambda pictures, name="pictures": _write(tmp_path / name, pictures)


@pytest.fixture
def zip_folder(tmp_path: Path) -> Callable[[Path], Path]:
    """Packs a folder; `wrapper` is put before every path."""

    def pack(folder: Path, wrapper: str = "", name: str = "pictures.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for entry in sorted(folder.rglob("*")):
                file.write(entry, wrapper + entry.relative_to(folder).as_posix())
        return path

    return pack


@pytest.fixture
def pictures() -> dict[str, np.ndarray]:
    """Two classes of colour and grey pictures in several sizes: 6 + 6 for training, 2 + 2 for testing."""
    generator = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {}
    for part, count in (("train", 6), ("test", 2)):
        for kind, channels in (("cat", 3), ("dog", 1)):
            for number in range(count):
                height, width = 10 + number, 14 - number
                pixels = generator.integers(0, 256, (height, width, channels), dtype=np.uint8)
                made[f"{part}/{kind}/{number}.png"] = pixels[:, :, 0] if channels == 1 else pixels
    return made


@pytest.fixture
def make_data() -> Callable[..., ImageData]:
    """An `ImageData` with the given training labels and random pixels."""

    def make(labels: np.ndarray, classes: tuple[str, ...] = ("ant", "bee", "cow"), truth=None) -> ImageData:
        labels = np.asarray(labels, dtype=np.int64)
        images = np.random.default_rng(1).integers(0, 256, (len(labels), 1, 4, 4), dtype=np.uint8)
        return ImageData(
            train_images=images,
            train_labels=labels,
            test_images=images[:3],
            test_labels=labels[:3],
            classes=classes,
            mean=(0.5,),
            std=(0.25,),
            true_labels=labels if truth is None else np.asarray(truth, dtype=np.int64),
            sha256="0" * 64,
        )

    return make
