"""Pictures of every kind become square uint8 images."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cu_core.data import transform
from cu_core.data.source import Unreadable
from cu_core.data.transform import decode, resize

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_lossless_formats_come_back_exactly(kind):
    # Levels that a GIF palette can hold.
    colour = np.stack([RAMP // 64 * 64, RAMP[::-1] // 64 * 64, RAMP // 128 * 128], axis=2)
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(
        decode(encode(Image.fromarray(colour), kind, **options), 16), colour.transpose(2, 0, 1)
    )


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_modes_have_one_channel(mode):
    assert decode(encode(Image.fromarray(RAMP).convert(mode)), 16).shape == (1, 16, 16)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_modes_have_three_channels(mode):
    assert decode(encode(Image.fromarray(RAMP).convert("RGB").convert(mode)), 16).shape == (3, 16, 16)


def test_cmyk_jpeg():
    red = Image.new("RGB", (16, 16), (255, 0, 0)).convert("CMYK")
    pixel = decode(encode(red, "JPEG", quality=95), 16)[:, 8, 8].astype(int)
    assert pixel[0] > 230 and pixel[1:].max() < 30


def test_sixteen_bits_keep_their_brightness():
    wide = np.random.default_rng(0).integers(0, 2**16, (16, 16)).astype(np.uint16)
    shown = decode(encode(Image.fromarray(wide)), 16)[0]
    assert np.abs(shown / 255 - wide / 65535).max() <= 1 / 255


def test_proportions_are_kept_and_the_middle_is_shown():
    wide = np.zeros((16, 48), np.uint8)
    wide[:, 16:32] = 200
    assert np.all(decode(encode(Image.fromarray(wide)), 16) == 200)


def test_photographs_are_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    content = encode(Image.fromarray(RAMP), exif=exif)
    np.testing.assert_array_equal(decode(content, 16)[0], RAMP[::-1, ::-1])


def test_large_jpeg_is_decoded_small_and_nearly_the_same():
    smooth = Image.fromarray(RAMP).resize((640, 640), Image.Resampling.BICUBIC)
    expected = np.asarray(smooth.resize((16, 16), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(decode(encode(smooth, "JPEG", quality=95), 16)[0] - expected).max() <= 6


def test_huge_pictures_are_refused(monkeypatch):
    monkeypatch.setattr(transform, "MAX_PIXELS", 100)
    with pytest.raises(Unreadable, match="16×16 px is more than"):
        decode(encode(Image.fromarray(RAMP)), 16)


def test_a_decompression_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(Unreadable):
        decode(encode(Image.fromarray(RAMP)), 16)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"RIFF"])
)
def test_rubbish_is_unreadable_and_nothing_else(content, start):
    try:
        assert decode(start + content, 8).shape[1:] == (8, 8)
    except Unreadable as error:
        assert str(error)


def test_resize_leaves_the_right_size_alone_and_keeps_channels():
    colour = np.stack([RAMP, RAMP.T, 255 - RAMP])
    assert resize(colour, 16) is colour
    assert resize(colour, 8).shape == (3, 8, 8) and resize(RAMP[None], 24).shape == (1, 24, 24)
    flat = np.full((1, 5, 5), 77, np.uint8)
    assert np.all(resize(flat, 9) == 77)
