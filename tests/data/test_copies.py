"""Copies of forgotten images: found where they were made, and nowhere else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from scipy.spatial.distance import cdist

from cu_core.data import copies
from cu_core.data.copies import NEAR, Copies, copies_in_words, find_copies
from cu_core.data.duplicates import small_pictures
from cu_core.data.images import ImageData

FORGET = np.arange(0, 40, 2)


def photographs(count: int, side: int = 32, seed: int = 0) -> np.ndarray:
    """Pictures with the slow changes of photographs: coarse noise, enlarged smoothly, with some grain."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((side, side), Image.BICUBIC)
        made.append(np.clip(np.asarray(coarse) * 0.7 + 40 + rng.normal(0, 6, (side, side, 3)), 0, 255))
    return np.array(made, dtype=np.uint8).transpose(0, 3, 1, 2)


def data_of(train: np.ndarray, test: np.ndarray | None = None) -> ImageData:
    labels, test = np.arange(len(train)) % 3, train[:1] if test is None else test
    return ImageData(train, labels, test, np.zeros(len(test), int), ("a", "b", "c"), (0.0,), (1.0,), labels, "")


def changed(image: np.ndarray, how: str) -> np.ndarray:
    picture = Image.fromarray(image.transpose(1, 2, 0))
    if how == "jpeg":
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=50)
        picture = Image.open(file)
    elif how == "darker":
        picture = ImageEnhance.Brightness(picture).enhance(0.6)
    elif how == "blurred":
        picture = picture.filter(ImageFilter.GaussianBlur(0.6))
    else:
        picture = picture.resize((24, 24), Image.BICUBIC).resize((32, 32), Image.BICUBIC)
    return np.asarray(picture).transpose(2, 0, 1)


@pytest.mark.parametrize("how", ["jpeg", "darker", "blurred", "resized"])
def test_changed_copies_are_near_and_nothing_else_is(how):
    train = photographs(400)
    train[301:331:3] = [changed(train[index], how) for index in FORGET[:10]]
    train[[399, 350]] = train[[0, 2]]
    test = np.concatenate([photographs(20, seed=1), train[[4]], [changed(train[6], how)]])
    found = find_copies(data_of(train, test), FORGET)
    assert found.exact.tolist() == [350, 399] and found.compared
    assert found.near.tolist() == list(range(301, 331, 3))
    assert found.unseen.tolist() == [20]
    assert found.retained.tolist() == sorted([*range(301, 331, 3), 350, 399])


def test_near_ones_are_those_within_the_bound_of_all_distances(monkeypatch):
    monkeypatch.setattr(copies, "_BLOCK", 37)
    rng = np.random.default_rng(3)
    coarse = photographs(30, seed=2).astype(float)
    # Images at all distances around the bound.
    mixed = np.concatenate([coarse + scale * rng.normal(0, 20, coarse.shape) for scale in np.linspace(0, 6, 12)])
    train = np.clip(mixed, 0, 255).astype(np.uint8)
    forget = np.arange(30)
    small = small_pictures(train)
    far = cdist(small[30:], small[:30]).min(1)
    assert find_copies(data_of(train), forget).retained.tolist() == (30 + np.flatnonzero(far < NEAR)).tolist()
    assert 20 < (far < NEAR).sum() < 300


def test_digits_of_other_classes_are_no_near_copies(home):
    from cu_core.catalogue.spec_parts import DataSpec  # noqa: PLC0415
    from cu_core.data.prepared import prepare  # noqa: PLC0415

    data = prepare(DataSpec(), home)
    for label in range(10):
        assert find_copies(data, np.flatnonzero(data.train_labels == label)).retained.tolist() == []


def test_pictures_of_one_colour_are_copies_only_where_the_colour_is_the_same():
    train = np.stack([np.full((3, 16, 16), value, np.uint8) for value in (0, 255, 0, 90)] + [*photographs(4, 16)])
    found = find_copies(data_of(train), np.array([0, 5]))
    assert found.exact.tolist() == [2] and found.near.tolist() == []


def test_too_many_images_are_not_compared_and_that_is_said(monkeypatch):
    train = photographs(30)
    train[20] = train[1]
    for name in ("MOST_BYTES", "MOST_PAIRS"):
        with monkeypatch.context() as patch:
            patch.setattr(copies, name, 10)
            found = find_copies(data_of(train), np.array([1, 2]))
        assert found.exact.tolist() == [20] and not found.compared
        assert "Near copies of forgotten images were not looked for" in copies_in_words(found)[-1]


def test_words():
    none, one, two = (np.arange(count) for count in (0, 1, 2))
    assert copies_in_words(Copies(none, none, none, True)) == []
    (said,) = copies_in_words(Copies(one, two, none, True))
    assert said.startswith("Among the retained images are 1 exact copy and 2 near copies of forgotten ones")
    (said,) = copies_in_words(Copies(none, one, none, True))
    assert said.startswith("Among the retained images is 1 near copy of forgotten ones")
    (said,) = copies_in_words(Copies(none, none, one, True))
    assert said.startswith("1 unseen image has the pixels of a forgotten one")
