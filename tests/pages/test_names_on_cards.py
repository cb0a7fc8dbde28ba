"""What a sample is called reaches the card beside its picture."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from cu_core.data.images import ImageData
from cu_core.data.sample_names import write_names
from pages._shared.recorded_rounds import LONGEST_NAME, names_of


def made_up(folder):
    images, labels = np.zeros((4, 1, 2, 2), np.uint8), np.array([0, 1, 0, 1])
    return ImageData(images, labels, images, labels, ("a", "b"), (0.0,), (1.0,), labels, "x", folder=folder)


def test_names_follow_the_samples_of_the_probe(tmp_path):
    write_names(tmp_path, "train", ["a/0", "b/1", "x" * 500, "d\n3"])
    write_names(tmp_path, "test", ["t0", "t1"])
    probe = pd.DataFrame({"split": ["test", "train", "train", "train", "test"], "sample": [1, 3, 0, 2, 3]})
    names = names_of(made_up(tmp_path), probe)
    assert names[:3] == ("t1", "d 3", "a/0") and names[4] == ""
    assert len(names[3]) == LONGEST_NAME
    without = dataclasses.replace(made_up(tmp_path), folder=tmp_path / "none")
    assert names_of(without, probe) == ()
