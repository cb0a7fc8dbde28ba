"""Augmentation, compared with loops over single images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cu_core.data import views


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int, channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (n, channels, height, width), generator=generator(seed), dtype=torch.uint8)


def floats(n: int = 6, channels: int = 3, size: int = 9) -> torch.Tensor:
    return torch.randn(n, channels, size, size, generator=generator(1))


@given(st.integers(1, 9), st.sampled_from([1, 3]), st.integers(4, 20), st.integers(4, 20), st.integers(0, 99))
def test_crop_equals_padding_and_cutting_one_by_one(n, channels, height, width, seed):
    x = images(n, channels, height, width, seed)
    pad = views.padding(min(height, width))
    shifts = torch.randint(0, 2 * pad + 1, (2, n), generator=generator(seed)).numpy()
    result = views.crop(x, generator(seed)).numpy()
    assert result.dtype == np.uint8
    for i in range(n):
        padded = np.pad(x[i].numpy(), ((0, 0), (pad, pad), (pad, pad)))
        top, left = shifts[:, i]
        np.testing.assert_array_equal(result[i], padded[:, top : top + height, left : left + width])


def test_crop_reaches_every_shift():
    x = torch.zeros(2000, 1, 8, 8)
    x[:, :, 4, 4] = 1
    where = views.crop(x, generator()).flatten(1).argmax(1).unique()
    assert len(where) == 9


@pytest.mark.parametrize(("size", "pad"), [(4, 1), (8, 1), (32, 4), (64, 8)])
def test_padding_is_four_pixels_of_thirty_two(size, pad):
    assert views.padding(size) == pad


@given(st.integers(1, 30), st.integers(0, 99))
def test_flip_mirrors_the_drawn_ones(n, seed):
    x = images(n, 3, 5, 6, seed)
    mirrored = (torch.rand(n, generator=generator(seed)) < 0.5).numpy()
    result = views.flip(x, generator(seed)).numpy()
    for i in range(n):
        np.testing.assert_array_equal(result[i], x[i].numpy()[:, :, ::-1] if mirrored[i] else x[i].numpy())


def test_half_are_mirrored():
    x = torch.arange(2.0).expand(4000, 1, 1, 2)
    share = views.flip(x, generator())[:, 0, 0, 0].mean().item()
    assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(4000)


@given(
    st.integers(1, 7),
    st.sampled_from([1, 3]),
    st.integers(4, 9),
    st.integers(4, 9),
    st.integers(0, 3),
    st.sampled_from(["zero", "reflect"]),
    st.sampled_from([torch.uint8, torch.float32]),
    st.booleans(),
    st.integers(0, 99),
)
def test_shifted_equals_padding_cutting_and_mirroring_one_by_one(
    n, channels, height, width, reach, outside, dtype, innermost, seed
):
    x = images(n, channels, height, width, seed).to(dtype)
    if innermost:
        x = x.contiguous(memory_format=torch.channels_last)
    rng = np.random.default_rng(seed)
    down, right = rng.integers(-reach, reach + 1, (2, n))
    mirrored = None if seed % 4 == 0 else rng.random(n) < 0.5
    result = views.shifted(
        x,
        torch.from_numpy(down),
        torch.from_numpy(right),
        None if mirrored is None else torch.from_numpy(mirrored),
        reach,
        outside,
    )
    assert result.dtype == dtype and result.is_contiguous()
    for i in range(n):
        edges = ((0, 0), (reach, reach), (reach, reach))
        padded = np.pad(x[i].numpy(), edges, mode="constant" if outside == "zero" else "reflect")
        top, left = reach + down[i], reach + right[i]
        expected = padded[:, top : top + height, left : left + width]
        if mirrored is not None and mirrored[i]:
            expected = expected[:, :, ::-1]
        np.testing.assert_array_equal(result[i].numpy(), expected)


@given(st.integers(1, 9), st.integers(4, 12), st.integers(0, 99))
def test_crop_and_flip_in_one_pass_are_both_one_after_the_other(n, size, seed):
    x = images(n, 3, size, size, seed)
    drawn = generator(seed)
    assert torch.equal(views.crop_flip(x, generator(seed)), views.flip(views.crop(x, drawn), drawn))


def test_shifted_refuses_moves_beyond_its_reach_and_unknown_edges():
    x, still, far = images(2, 1, 5, 5), torch.zeros(2, dtype=torch.int64), torch.tensor([0, -3])
    for down, right in ((far, still), (still, far)):
        with pytest.raises(ValueError, match="2 pixels"):
            views.shifted(x, down, right, None, 2)
    with pytest.raises(ValueError, match="'zero', 'reflect'"):
        views.shifted(x, still, still, None, 1, "wrap")
    assert views.shifted(x[:0], still[:0], still[:0], None, 1).shape == (0, 1, 5, 5)


def bilinear(image: np.ndarray, down: float, across: float) -> np.ndarray:
    """One point of a (c, h, w) image between pixel centres, held at the border."""
    _, height, width = image.shape
    down, across = min(max(down, 0), height - 1), min(max(across, 0), width - 1)
    y, x = min(int(down), height - 2), min(int(across), width - 2)
    dy, dx = down - y, across - x
    top = image[:, y, x] * (1 - dx) + image[:, y, x + 1] * dx
    bottom = image[:, y + 1, x] * (1 - dx) + image[:, y + 1, x + 1] * dx
    return top * (1 - dy) + bottom * dy


def test_resized_crop_equals_sampling_one_by_one():
    x = floats(8, 3, 9)
    area, ratio, left, top, mirror = torch.rand(5, 8, generator=generator(3)).double().numpy()
    result = views.resized_crop(x, generator(3)).numpy()
    for i in range(8):
        share = 0.5 + 0.5 * area[i]
        shape = math.exp(math.log(3 / 4) + math.log(16 / 9) * ratio[i])
        width, height = 9 * min(1, math.sqrt(share * shape)), 9 * min(1, math.sqrt(share / shape))
        x0, y0 = (9 - width) * left[i], (9 - height) * top[i]
        for row in range(9):
            for column in range(9):
                from_left = (column + 0.5) / 9 if mirror[i] >= 0.5 else 1 - (column + 0.5) / 9
                point = bilinear(
                    x[i].double().numpy(), y0 + height * (row + 0.5) / 9 - 0.5, x0 + width * from_left - 0.5
                )
                np.testing.assert_allclose(result[i, :, row, column], point, rtol=1e-3, atol=1e-4)


def test_jitter_equals_the_formula_one_by_one():
    x = floats()
    draws = (2 * torch.rand(2, 6, generator=generator(5)) - 1).numpy() * 0.4
    result = views.jitter(x, generator(5)).numpy()
    for i in range(6):
        for channel in range(3):
            plane = x[i, channel].double().numpy()
            expected = plane.mean() + (plane - plane.mean()) * (1 + draws[0, i]) + plane.std() * draws[1, i]
            np.testing.assert_allclose(result[i, channel], expected, rtol=1e-4, atol=1e-5)


def test_normalising_before_or_after_makes_no_difference():
    x = torch.rand(6, 3, 9, 9, generator=generator(2))
    mean, std = torch.tensor([0.5, 0.4, 0.3])[:, None, None], torch.tensor([0.2, 0.3, 0.1])[:, None, None]
    for first, second in zip(
        views.two_views((x - mean) / std, generator(7)), views.two_views(x, generator(7)), strict=True
    ):
        torch.testing.assert_close(first, (second - mean) / std, rtol=1e-4, atol=1e-4)


def test_two_views_differ_from_each_other_and_repeat_for_a_seed():
    x = floats()
    first, second = views.two_views(x, generator(1))
    assert first.shape == second.shape == x.shape
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    again = views.two_views(x, generator(1))
    assert torch.equal(first, again[0]) and torch.equal(second, again[1])
    assert not torch.equal(first, views.two_views(x, generator(2))[0])


def test_every_sample_gets_its_own_draw():
    x = floats(1).expand(5, -1, -1, -1)
    for augment in (views.view, views.resized_crop, views.jitter):
        assert len({a.numpy().tobytes() for a in augment(x, generator())}) == 5


def test_a_constant_image_stays_constant():
    x = torch.full((4, 3, 8, 8), 0.3)
    torch.testing.assert_close(views.view(x, generator()), x)


def test_the_input_is_left_alone():
    x = floats()
    before = x.clone()
    views.two_views(x, generator())
    views.crop_flip(x, generator())
    assert torch.equal(x, before)


@pytest.mark.parametrize(("name", "function"), [("none", None), ("crop", views.crop), ("crop-flip", views.crop_flip)])
def test_names(name, function):
    assert views.augmentation(name) is function


@pytest.mark.gpu
def test_views_on_a_gpu_equal_those_on_the_cpu():
    x = floats()
    for one, other in zip(views.two_views(x, generator(4)), views.two_views(x.cuda(), generator(4)), strict=True):
        torch.testing.assert_close(one, other.cpu(), rtol=1e-3, atol=1e-4)
