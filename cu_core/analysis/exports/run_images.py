"""The images and names behind a run's recorded samples, where its dataset lies prepared on this machine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cu_core.base.home import Home
from cu_core.data.images import ImageData
from cu_core.data.prepared import open_key, open_prepared
from cu_core.runstore import layout
from cu_core.runstore.reader import RunView
from cu_core.runstore.rows import optional_json


def images_of(home: Home, view: RunView) -> ImageData | None:
    """The very images that a run has seen; None where they do not lie prepared on this machine."""
    key = view.dataset_key()
    # By its name, where the run has noted one: the user's folder may have moved or changed since.
    data = open_key(key, home) if key else open_prepared(view.spec.data, home)
    noted = optional_json(view.run_dir / layout.DATASET).get("sha256")
    return data if data is not None and noted in (None, data.sha256) else None


def recorded_images(data: ImageData, probe: pd.DataFrame) -> np.ndarray:
    """(n, channels, h, w) uint8 images of the recorded samples."""
    samples, is_test = probe["sample"].to_numpy(), (probe["split"] == "test").to_numpy()
    images = np.empty((len(probe), *data.train_images.shape[1:]), np.uint8)
    images[~is_test], images[is_test] = data.train_images[samples[~is_test]], data.test_images[samples[is_test]]
    return images


def recorded_names(data: ImageData | None, probe: pd.DataFrame) -> list[str] | None:
    """The file name of each recorded sample; None for datasets that were no files."""
    by_split = {split: data.names(split) for split in ("train", "test")} if data is not None else {}
    if not any(by_split.values()):
        return None
    return [
        by_split[split][sample] if sample < len(by_split[split]) else ""
        for sample, split in zip(probe["sample"], probe["split"], strict=True)
    ]


def class_titles(data: ImageData | None, classes: int) -> tuple[str, ...]:
    """Class names by label; their numbers where the dataset is not here."""
    return data.classes if data is not None else tuple(str(label) for label in range(classes))
