"""Augmentation on the device in batches: random crop and flip, drawn anew for every sample.

All random numbers come from a generator on the CPU, so that a seed means the same on any device.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Augment = Callable[[Tensor, torch.Generator | None], Tensor]
"""From images (n, c, h, w) and a CPU generator to images of the same shape and dtype."""

# 4 px of padding at 32 px, the usual recipe, in proportion for other sizes.
_PADDED_SHARE = 1 / 8
# 2 px of shift at 32 px, in proportion for other sizes.
_SHIFTED_SHARE = 1 / 16
# Range of the share of the picture's area that a view shows, and of its width to height.
VIEW_AREA = (0.5, 1.0)
VIEW_RATIO = (3 / 4, 4 / 3)
# Brightness moves by this share of a channel's spread; contrast is multiplied by 1 ± this.
VIEW_JITTER = 0.4


def augmentation(name: str) -> Augment | None:
    """The augmentation called ``none`` (None), ``crop``, ``crop-flip`` or ``shift-flip``.

    A training that knows its epochs mirrors by `cu_core.data.alternating` instead of the coin of ``shift-flip``.
    """
    return _AUGMENTATIONS[name]


def padding(size: int) -> int:
    """Pixels of padding for images of this height and width."""
    return max(1, round(size * _PADDED_SHARE))


def crop(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Moves each image by up to `padding` pixels either way; what comes in from outside is 0.

    Args:
        images: (n, c, h, w) of any dtype.
        generator: on the CPU.
    """
    n, _, height, width = images.shape
    pad = padding(min(height, width))
    shifts = torch.randint(0, 2 * pad + 1, (2, n), generator=generator).to(images.device)
    rows = shifts[0][:, None] + torch.arange(height, device=images.device)
    columns = shifts[1][:, None] + torch.arange(width, device=images.device)
    padded = functional.pad(images, (pad, pad, pad, pad))
    sample = torch.arange(n, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Mirrors each image left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(3), images)


def crop_flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`crop`, then `flip`."""
    return flip(crop(images, generator), generator)


def shift(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Moves each image by up to `shift_range` pixels either way; what comes in from outside is the image's reflection.

    Args:
        images: (n, c, h, w) of any dtype.
        generator: on the CPU.
    """
    n, channels, height, width = images.shape
    most = shift_range(min(height, width))
    moves = torch.randint(-most, most + 1, (2, n, 1), generator=generator)
    rows, columns = _reflected(height, moves[0]), _reflected(width, moves[1])
    # One gather over flat images is several times as fast as indexing by rows and columns.
    places = (rows[:, :, None] * width + columns[:, None, :]).view(n, 1, -1).to(images.device)
    return images.flatten(2).gather(2, places.expand(n, channels, -1)).view_as(images)


def shift_range(size: int) -> int:
    """Pixels by which `shift` moves images of this height and width at most."""
    return max(1, round(size * _SHIFTED_SHARE))


def _reflected(size: int, moves: Tensor) -> Tensor:
    """(n, size) where each row or column of a moved image comes from; beyond an edge the way leads back."""
    places = (torch.arange(size) + moves).abs()
    return torch.where(places < size, places, 2 * (size - 1) - places)


def shift_flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`shift`, then `flip`."""
    return flip(shift(images, generator), generator)


def two_views(x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Two random views of each image: resized crop, mirroring, brightness and contrast.

    Jitter is measured in each channel's own mean and spread, so that it does not matter whether the
    images are normalised.

    Args:
        x: (n, c, h, w) floats.
        generator: on the CPU.

    Returns:
        Two tensors like `x`.
    """
    return view(x, generator), view(x, generator)


def view(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One random view of each image; see `two_views`."""
    return jitter(resized_crop(x, generator), generator)


def resized_crop(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A random part of each image, half of them mirrored, scaled to the full size (bilinear).

    Args:
        x: (n, c, h, w) floats.
        generator: on the CPU.
    """
    draws = torch.rand(5, len(x), generator=generator)
    area = VIEW_AREA[0] + (VIEW_AREA[1] - VIEW_AREA[0]) * draws[0]
    low, high = torch.tensor(VIEW_RATIO).log()
    ratio = (low + (high - low) * draws[1]).exp()
    wide = (area * ratio).sqrt().clamp(max=1.0)
    tall = (area / ratio).sqrt().clamp(max=1.0)
    # In coordinates from -1 to 1 the part's centre may lie so far out that its edge touches the image's.
    across = (1 - wide) * (2 * draws[2] - 1)
    down = (1 - tall) * (2 * draws[3] - 1)
    mirror = torch.where(draws[4] < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(wide)
    matrix = torch.stack([torch.stack([mirror * wide, zero, across], 1), torch.stack([zero, tall, down], 1)], 1)
    grid = functional.affine_grid(matrix.to(x.device, x.dtype), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def jitter(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Random brightness and contrast of each image.

    Args:
        x: (n, c, h, w) floats.
        generator: on the CPU.
    """
    draws = (2 * torch.rand(2, len(x), 1, 1, 1, generator=generator) - 1).to(x.device, x.dtype) * VIEW_JITTER
    mean = x.mean(dim=(2, 3), keepdim=True)
    spread = x.std(dim=(2, 3), keepdim=True, correction=0)
    return mean + (x - mean) * (1 + draws[0]) + spread * draws[1]


_AUGMENTATIONS: dict[str, Augment | None] = {
    "none": None,
    "crop": crop,
    "crop-flip": crop_flip,
    "shift-flip": shift_flip,
}
