"""Every kind of pixels is read as it was written, or refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cu_core.base.errors import DatasetError
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.findings import Findings
from cu_core.data.picture_reader import PictureReader
from cu_core.data.prepared import prepare
from cu_core.data.source import silent
from tests.data.pixel_kinds import COLOURS, HALF, PIXEL_KINDS, SIDE, WIDE, clear_png, saved, scaled


@pytest.fixture
def spec_of(tmp_path):
    """Writes two files as the pictures of two classes, for training and for testing."""

    def write(files, **settings):
        for kind, content in zip("ab", files, strict=True):
            for part in ("train", "test"):
                path = tmp_path / part / kind / "0.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return DataSpec(f"folder:{tmp_path}", image_size=SIDE, **settings)

    return write


@pytest.mark.parametrize("kind", PIXEL_KINDS, ids=lambda kind: kind.name)
def test_kind(home, spec_of, kind):
    if kind.levels is None:
        with pytest.raises(DatasetError) as caught:
            prepare(spec_of(kind.make()), home)
        assert kind.said in str(caught.value) and "<_io" not in str(caught.value)
        return
    files = dict(zip(("a.jpg", "b.jpg"), kind.make(), strict=True))
    reader = PictureReader(files.__getitem__, list(files), SIDE, "white", silent)
    read = list(reader.read(list(files)))
    expected = [level[None] if level.ndim == 2 else level.transpose(2, 0, 1) for level in kind.levels]
    for found, wanted in zip(read, expected, strict=True):
        assert isinstance(found, np.ndarray) and found.shape == wanted.shape and found.dtype == np.uint8
        assert np.abs(found.astype(int) - wanted).max() <= kind.tolerance
    assert kind.said in " ".join(reader.findings(Findings()).lines(("a", "b")))


def test_a_set_of_many_bits_is_prepared(home, spec_of):
    """The same through files, for training and for testing."""
    (kind,) = [kind for kind in PIXEL_KINDS if kind.name == "colour PNG, 12 of 16 bits"]
    data = prepare(spec_of(kind.make()), home)
    for images in (data.train_images, data.test_images):
        np.testing.assert_array_equal(images, np.stack(kind.levels).transpose(0, 3, 1, 2))
    assert "4 pictures of numbers of 16 bits are scaled from 0 to 4095 (12 bits)" in data.findings.scaled[0]


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("grey", 128)])
def test_background(home, spec_of, background, level):
    data = prepare(spec_of(map(clear_png, COLOURS), background=background), home)
    clear = data.train_images[:, :, HALF == 0]
    assert np.all(clear == level)
    np.testing.assert_array_equal(data.train_images[0][:, HALF == 255], COLOURS[0].transpose(2, 0, 1)[:, HALF == 255])


def test_the_range_is_that_of_all_files_and_not_of_the_chosen_ones(home, tmp_path):
    values = [1000, 2000, 3000, 65535]
    for number, most in enumerate(values):
        for kind in "ab":
            path = tmp_path / "train" / kind / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(saved(Image.fromarray((WIDE.astype(int) * most // 65535).astype(np.uint16))))
    spec = DataSpec(f"folder:{tmp_path}", image_size=SIDE, train_limit=2, test_share=0.25)
    data = prepare(spec, home)
    expected = {int(scaled(np.array(most), 0, 65535)) for most in values}
    assert {int(image.max()) for image in data.train_images} <= expected


def test_faint_pictures_are_said(home, spec_of):
    masks = [saved(Image.fromarray((HALF > 0).astype(np.uint8) * k)) for k in (1, 2)]
    assert "between 0 and 2 of 255" in " ".join(prepare(spec_of(masks), home).findings.notes)


def test_all_unreadable_ones_are_listed_in_a_file(home, tmp_path):
    for number in range(60):
        for kind in "ab":
            path = tmp_path / "train" / kind / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"" if number % 2 else saved(Image.fromarray(HALF)))
    with pytest.raises(DatasetError, match="60 of 120 images cannot be read.* and 40 more, all of them in ") as caught:
        prepare(DataSpec(f"folder:{tmp_path}", image_size=SIDE), home)
    listed = next(home.datasets.glob("*.unreadable.txt"))
    assert str(listed) in caught.value.reason and len(listed.read_text().splitlines()) == 60
    data = prepare(DataSpec(f"folder:{tmp_path}", image_size=SIDE, unreadable=0.5), home)
    assert len(data.train_labels) + len(data.test_labels) == 60 == data.findings.unreadable_count
    assert len(data.names("train")) == len(data.train_images) == len(data.train_labels)
    assert all(int(name[-6:-4]) % 2 == 0 for name in [*data.names("train"), *data.names("test")])
