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
    reach = padding(min(images.shape[2:]))
    down, right = _shifts(len(images), reach, generator)
    return shifted(images, down, right, None, reach)


def flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Mirrors each image left to right with probability one half."""
    still = torch.zeros(len(images), dtype=torch.int64)
    return shifted(images, still, still, _mirrored(len(images), generator), 0)


def crop_flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`crop`, then `flip`, in one pass."""
    reach = padding(min(images.shape[2:]))
    down, right = _shifts(len(images), reach, generator)
    return shifted(images, down, right, _mirrored(len(images), generator), reach)


def _shifts(n: int, reach: int, generator: torch.Generator | None) -> Tensor:
    return torch.randint(0, 2 * reach + 1, (2, n), generator=generator) - reach


def _mirrored(n: int, generator: torch.Generator | None) -> Tensor:
    return torch.rand(n, generator=generator) < 0.5


def shifted(
    images: Tensor, down: Tensor, right: Tensor, mirrored: Tensor | None, reach: int, outside: str = "zero"
) -> Tensor:
    """Moves the frame of each image by whole pixels, then mirrors some of them left to right.

    Rows of pixels lie side by side in memory, so each row of each result is one block of a padded copy, found by where
    it begins: some ten times as fast as asking for single pixels.

    Args:
        images: (n, c, h, w) of any dtype.
        down: (n,) int64 on the CPU, by how many pixels each frame moves down, -reach..reach.
        right: (n,) int64 on the CPU, by how many it moves to the right, -reach..reach.
        mirrored: (n,) bool on the CPU, which images are mirrored after that; None mirrors none.
        reach: the farthest move, 0 or more.
        outside: what lies beyond the edge: ``"zero"``, or ``"reflect"`` for the image mirrored at its outermost
            pixels, which needs a reach below height and width.

    Returns:
        (n, c, h, w), contiguous, on the device of the images.

    Raises:
        ValueError: a move beyond the reach, or an unknown `outside`.

    Example:
        >>> row, move = torch.tensor([[[[1, 2, 3]]]]), torch.tensor([1])
        >>> shifted(row, 0 * move, move, torch.tensor([True]), 1).tolist()
        [[[[0, 3, 2]]]]
    """
    n, channels, height, width = images.shape
    if n == 0:
        return images.clone()
    if torch.stack([down, right]).abs().max() > reach:
        raise ValueError(f"frames are moved farther than by {reach} pixels")
    padded = _padded(images, reach, outside)
    tall, wide = height + 2 * reach, width + 2 * reach
    place = torch.arange(n)
    if mirrored is not None:
        padded = torch.cat([padded, padded.flip(3)])
        # In the mirrored copy a frame's first column is what its last one was.
        place, right = place + n * mirrored, torch.where(mirrored, -right, right)
    begins = (place * channels * tall + down + reach) * wide + right + reach
    rows = torch.arange(channels)[:, None] * tall + torch.arange(height)
    blocks = padded.view(-1).unfold(0, width, 1)
    begins = (begins[:, None, None] + rows * wide).flatten().to(images.device)
    return blocks.index_select(0, begins).view(n, channels, height, width)


def _padded(images: Tensor, reach: int, outside: str) -> Tensor:
    """(n, c, h + 2 reach, w + 2 reach), contiguous."""
    if outside == "zero":
        return functional.pad(images, (reach,) * 4).contiguous()
    if outside != "reflect":
        raise ValueError(f"outside is {outside!r}; allowed: 'zero', 'reflect'")
    return functional.pad(images, (reach,) * 4, mode="reflect").contiguous()


def shift(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Moves each image by up to `shift_range` pixels either way; what comes in from outside is the image's reflection.

    Args:
        images: (n, c, h, w) of any dtype.
        generator: on the CPU.
    """
    most = shift_range(min(images.shape[2:]))
    down, right = torch.randint(-most, most + 1, (2, len(images)), generator=generator)
    return shifted(images, down, right, None, most, "reflect")


def shift_range(size: int) -> int:
    """Pixels by which `shift` moves images of this height and width at most."""
    return max(1, round(size * _SHIFTED_SHARE))


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
