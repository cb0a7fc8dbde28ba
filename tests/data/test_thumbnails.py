"""Sprites and thumbnails."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cu_core.data.thumbnails import sprite, thumbnail


def pixels(png: bytes) -> np.ndarray:
    assert png.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("channels", [1, 3])
def test_small_images_are_magnified_in_whole_pixels(channels):
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 4, 4), dtype=np.uint8)
    result = pixels(sprite(images, 12, 3))
    assert result.shape == ((24, 36) if channels == 1 else (24, 36, 3))
    clear = pixels(sprite(images, 12, 3, clear=True))
    assert clear[:12, :, -1].min() == clear[12:, :24, -1].min() == 255 and not clear[12:, 24:, -1].any()
    np.testing.assert_array_equal(clear[..., :-1].reshape(result.shape), result)
    for number, image in enumerate(images):
        row, column = divmod(number, 3)
        tile = result[row * 12 : row * 12 + 12, column * 12 : column * 12 + 12]
        expected = np.kron(image.transpose(1, 2, 0), np.ones((3, 3, 1), dtype=np.uint8))
        np.testing.assert_array_equal(tile.reshape(12, 12, channels), expected)
    assert not result[12:, 24:].any()


def test_large_images_are_averaged_and_do_not_run_into_each_other():
    images = np.zeros((4, 1, 8, 8), np.uint8)
    images[1], images[2, :, :4] = 255, 100
    result = pixels(sprite(images, 2, 2))
    np.testing.assert_array_equal(result, [[0, 0, 255, 255], [0, 0, 255, 255], [100, 100, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("tile", [3, 5, 7, 20])
def test_tiles_stay_apart_at_odd_scales(tile):
    images = np.repeat(np.array([0, 255, 10, 200], np.uint8), 64).reshape(4, 1, 8, 8)
    result = pixels(sprite(images, tile, 2))
    for number in range(4):
        row, column = divmod(number, 2)
        assert np.all(result[row * tile :, column * tile :][:tile, :tile] == images[number, 0, 0, 0])


def test_fewer_images_than_columns_make_one_short_row():
    assert pixels(sprite(np.zeros((2, 3, 8, 8), np.uint8), 8, 10)).shape == (8, 16, 3)


def test_thumbnail_is_a_sprite_of_one():
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    np.testing.assert_array_equal(pixels(thumbnail(image, 8)), image[0])
