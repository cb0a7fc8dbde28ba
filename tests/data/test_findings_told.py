"""What is said of a user's images: what was kept of them, their sizes, and unseen ones that are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.duplicates import trained_on
from cu_core.data.prepared import open_key, prepare


def told(folder, home, **settings) -> str:
    data = prepare(DataSpec(f"folder:{folder}", **settings), home)
    assert open_key(data.folder.name, home).findings == data.findings
    return " ".join(data.findings.lines(data.classes))


def noise(seed, height=24, width=24):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def set_of(train=4, test=2, **sides):
    counts = (("train", train), ("test", test))
    places = [f"{part}/{kind}/{number}.png" for part, count in counts for kind in "ab" for number in range(count)]
    return {place: noise(seed, **sides) for seed, place in enumerate(places)}


def test_unreadable_images_are_not_counted(home, write_folder):
    broken = {"train/b/9.png": b"", "test/a/0.png": b"no", "test/a/1.png": b"no"}
    folder = write_folder(set_of() | broken)
    said = told(folder, home, unreadable=0.5)
    assert "Found: 8 training and 2 unseen images in 2 classes: a 4 + 0; b 4 + 2." in said
    assert "Without those that cannot be read, 1 class lacks unseen images: a." in said
    assert "3 images that cannot be read were left out" in said


def test_a_limit_on_images_does_not_change_what_was_found(home, write_folder):
    folder = write_folder(set_of())
    assert "Found: 8 training and 4 unseen" in told(folder, home, train_limit=4)


@pytest.mark.parametrize(
    ("sides", "size", "words"),
    [
        ({}, 0, "All are 24×24 px, resized to 32×32."),
        ({}, 24, "All are 24×24 px."),
        ({"width": 32, "height": 16}, 0, "All are 32×16 px, resized to 32×32."),
    ],
)
def test_what_images_are_resized_to_is_said_where_it_differs(home, write_folder, sides, size, words):
    assert words in told(write_folder(set_of(**sides)), home, image_size=size)


def test_a_range_of_sizes_is_resized_as_well(home, write_folder):
    folder = write_folder(set_of() | {"train/a/9.png": noise(99, 40, 48)})
    assert "From 24×24 to 48×40 px, resized to 32×32." in told(folder, home)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_sizes_are_those_of_upright_pictures(home, write_folder, kind):
    def turned(seed):
        image = Image.fromarray(noise(seed, 20, 30)[..., 0].astype(kind) * (257 if kind == np.uint16 else 1))
        exif = Image.Exif()
        exif[0x0112] = 6
        file = io.BytesIO()
        image.save(file, "PNG", exif=exif)
        return file.getvalue()

    folder = write_folder({name: turned(seed) for seed, name in enumerate(set_of())})
    assert "All are 20×30 px" in told(folder, home)


def test_unseen_images_that_are_training_images_are_counted(home, write_folder):
    pictures = set_of()
    assert "pixels of a training image" not in told(write_folder(pictures, "apart"), home)
    pictures["test/b/0.png"] = pictures["train/a/3.png"]
    assert "1 unseen image has the pixels of a training image." in told(write_folder(pictures, "one"), home)
    copied = {name: pictures[name.replace("test/", "train/")] for name in pictures}
    assert "All 4 unseen images have the pixels of a training image." in told(write_folder(copied, "all"), home)


def test_equal_pixels_are_counted_as_comparing_all_pairs_does():
    generator = np.random.default_rng(0)
    train, test = (generator.integers(0, 2, (count, 1, 2, 3), dtype=np.uint8) for count in (9, 40))
    pairs = (test[:, None] == train[None]).all(axis=(2, 3, 4))
    assert trained_on(train, test) == pairs.any(axis=1).sum() > 0
