"""Views of self-supervised training, compared with loops over single images and single pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cu_core.data import ssl_views as module
from cu_core.data.ssl_views import ssl_view, ssl_views

GREY = np.array([0.299, 0.587, 0.114])
YIQ = np.array([GREY, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def floats(n: int = 8, channels: int = 3, size: int = 9) -> torch.Tensor:
    return torch.randn(n, channels, size, size, generator=generator(1))


def bilinear(image: np.ndarray, y: float, x: float) -> np.ndarray:
    _, height, width = image.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    dy, dx = y - top, x - left
    upper = image[:, top, left] * (1 - dx) + image[:, top, left + 1] * dx
    lower = image[:, top + 1, left] * (1 - dx) + image[:, top + 1, left + 1] * dx
    return upper * (1 - dy) + lower * dy


def one_by_one(image: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """The view of one (c, h, w) image, pixel by pixel, step by step."""
    channels, size, _ = image.shape
    area = 0.2 + 0.8 * draw[0]
    ratio = math.exp(math.log(3 / 4) + math.log(16 / 9) * draw[1])
    width, height = (size * min(1, math.sqrt(part)) for part in (area * ratio, area / ratio))
    left, top = (size - width) * draw[2], (size - height) * draw[3]
    out = np.empty_like(image)
    for row in range(size):
        for column in range(size):
            across = (column + 0.5) / size
            if channels == 3 and draw[4] < 0.5:
                across = 1 - across
            out[:, row, column] = bilinear(image, top + height * (row + 0.5) / size - 0.5, left + width * across - 0.5)
    grey = GREY if channels == 3 else np.ones(1)
    if draw[5] < 0.8:
        bright, contrast, saturation = 1 + 0.4 * (2 * draw[6:9] - 1)
        black = out.min()
        out = black + bright * (out - black)
        mean = np.tensordot(grey, out, 1).mean()
        out = mean + contrast * (out - mean)
        if channels == 3:
            luminance = np.tensordot(grey, out, 1)
            out = luminance + saturation * (out - luminance)
            angle = 2 * math.pi * 0.1 * (2 * draw[9] - 1)
            turn = np.array([[1, 0, 0], [0, math.cos(angle), -math.sin(angle)], [0, math.sin(angle), math.cos(angle)]])
            out = np.tensordot(np.linalg.inv(YIQ) @ turn @ YIQ, out, 1)
    if channels == 3 and draw[10] < 0.2:
        out = np.tensordot(grey, out, 1)[None].repeat(3, 0)
    return out


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("last", [False, True])
def test_views_equal_the_recipe_pixel_by_pixel(channels: int, last: bool) -> None:
    x = floats(40, channels)
    draws = torch.rand(11, 40, generator=generator(3), dtype=torch.float64).numpy()
    assert len({(d[4] < 0.5, d[5] < 0.8, d[10] < 0.2) for d in draws.T}) >= 6, "the draws should reach most cases"
    given = x.contiguous(memory_format=torch.channels_last) if last else x
    result = ssl_view(given, generator(3))
    for i in range(40):
        wanted = one_by_one(x[i].double().numpy(), draws[:, i])
        np.testing.assert_allclose(result[i].numpy(), wanted, rtol=1e-4, atol=1e-4)
    if channels == 3:
        assert result.is_contiguous(memory_format=torch.channels_last) == last


def test_a_grey_view_stays_grey_and_a_flat_one_flat() -> None:
    grey = floats(30, 1).expand(30, 3, 9, 9).contiguous()
    result = ssl_view(grey, generator(1))
    torch.testing.assert_close(result, result.mean(1, keepdim=True).expand_as(result), atol=1e-5, rtol=1e-4)
    flat = torch.full((9, 1, 8, 8), -0.7)
    torch.testing.assert_close(ssl_view(flat, generator(1)), flat)


def test_one_channel_images_are_not_mirrored() -> None:
    x = torch.arange(12.0).expand(200, 1, 12, 12).contiguous()
    rising = ssl_view(x, generator()).diff(dim=3)
    assert (rising >= -1e-4).all()
    falling = (ssl_view(x.expand(200, 3, 12, 12).contiguous(), generator()).diff(dim=3) < -1e-4).any(3).any(2).any(1)
    assert 60 < falling.sum() < 140


def test_normalising_alike_in_all_channels_makes_no_difference() -> None:
    x = torch.rand(20, 3, 9, 9, generator=generator(2))
    normalised = ssl_view((x - 0.5) / 0.25, generator(7))
    torch.testing.assert_close(normalised, (ssl_view(x, generator(7)) - 0.5) / 0.25, rtol=1e-4, atol=1e-4)


def test_views_differ_repeat_for_a_seed_and_follow_one_another() -> None:
    x = floats()
    first, second, third = ssl_views(x, 3, generator(1))
    again = generator(1)
    assert torch.equal(ssl_view(x, again), first) and torch.equal(ssl_view(x, again), second)
    assert all((a - b).abs().flatten(1).amax(1).min() > 0.01 for a, b in ((first, second), (second, third)))


def test_mixed_precision_does_not_reach_the_images() -> None:
    x = floats()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = ssl_view(x, generator(1))
    assert torch.equal(result, ssl_view(x, generator(1)))


def test_colour_axes_leave_grey_alone() -> None:
    ones = torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(module._TO_RGB @ torch.tensor([1.0, 0, 0], dtype=torch.float64), ones)


def test_the_smallest_crop_bounds_how_much_is_lost():
    rising = torch.arange(16.0).expand(300, 1, 16, 16).contiguous()

    def shown(smallest: float) -> torch.Tensor:
        seen = ssl_view(rising, generator(2), smallest)
        return (seen.amax(dim=(1, 2, 3)) - seen.amin(dim=(1, 2, 3))) / 15

    # Columns shown, undone by at most 40 % of contrast and brightness each way: the order of the two is what counts.
    assert shown(0.2).mean() < shown(0.8).mean()
    torch.testing.assert_close(ssl_view(rising, generator(2), 0.2), ssl_view(rising, generator(2)))
