"""Shifts with reflection and alternating mirroring, by their properties and against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cu_core.data.alternating import AlternatingMirror
from cu_core.data.views import augmentation, shift, shift_range


def test_every_image_is_mirrored_in_every_second_epoch() -> None:
    mirror = AlternatingMirror(200, 3)
    images, index = torch.rand(60, 2, 4, 5), torch.randperm(200)[:60]
    shown = []
    for epoch in range(4):
        order = torch.randperm(60)
        out = torch.empty_like(images)
        out[order] = mirror(images[order], index[order], epoch)
        plain, mirrored = ((out == kind).flatten(1).all(1) for kind in (images, images.flip(3)))
        assert bool((plain ^ mirrored).all())
        shown.append(mirrored)
    assert torch.equal(shown[0], ~shown[1]) and torch.equal(shown[0], shown[2]) and torch.equal(shown[1], shown[3])
    assert 15 < int(shown[0].sum()) < 45, "about half of them begin mirrored"


def test_who_begins_follows_the_seed_and_the_place_in_the_source() -> None:
    images, index = torch.rand(50, 1, 3, 3), torch.arange(50)
    first = AlternatingMirror(100, 0)(images, index, 0)
    assert torch.equal(first, AlternatingMirror(100, 0)(images, index, 0))
    assert not torch.equal(first, AlternatingMirror(100, 1)(images, index, 0))
    assert torch.equal(first[10:20], AlternatingMirror(100, 0)(images[10:20], index[10:20], 0))


@pytest.mark.parametrize("size", [8, 16, 32, 48])
def test_shifts_are_those_of_a_reflecting_border(size: int) -> None:
    most = shift_range(size)
    images = torch.randint(0, 256, (64, 3, size, size), dtype=torch.uint8)
    out = shift(images, torch.Generator().manual_seed(1))
    assert out.dtype == torch.uint8 and out.shape == images.shape
    wide = np.pad(images.numpy(), ((0, 0), (0, 0), (most, most), (most, most)), mode="reflect")
    seen = set()
    for one, moved in zip(wide, out.numpy(), strict=True):
        where = [
            (y, x)
            for y in range(2 * most + 1)
            for x in range(2 * most + 1)
            if np.array_equal(one[:, y : y + size, x : x + size], moved)
        ]
        assert len(where) == 1
        seen.add(where[0])
    assert len(seen) > min(5, (2 * most + 1) ** 2 - 1)


def test_two_pixels_of_thirty_two() -> None:
    assert [shift_range(size) for size in (8, 32, 64)] == [1, 2, 4]


def test_it_has_a_name() -> None:
    found = augmentation("shift-flip")
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    assert found is not None and found(images, torch.Generator().manual_seed(0)).shape == images.shape
