"""Augmented views for self-supervised training and its signals: random crop, flip and colour jitter in batches.

The recipe is the one of SimCLR and MoCo for small images (Chen et al., ICML 2020, appendix A; He et al., CVPR 2020):
a crop of 20 to 100 % of the area, mirroring, jitter of brightness, contrast, saturation (0.4 each) and hue (0.1) for
four images of five, grey for one of five. It costs little because nothing is sampled point by point: an upright crop
is two matrix products, and all colour changes of an image are one affine map of its three channels.

The images may be normalised. What needs the black point takes the image's darkest value, and greys are taken between
the normalised channels, which makes them greys relative to the mean colour of the dataset.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Smallest share of the picture's area that a view shows, and the range of its width to height.
SMALLEST_CROP = 0.2
RATIO = (3 / 4, 4 / 3)
JITTER = 0.4
HUE = 0.1
JITTERED = 0.8
GREYED = 0.2
# Luminance of ITU-R BT.601, and the two colour axes that are perpendicular to grey.
_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], dtype=torch.float64)
_TO_RGB = torch.linalg.inv(_TO_YIQ)
# Rows of draws per image: four of the crop, one each for mirroring, jitter or not, its four strengths, grey or not.
DRAWS = 11


def ssl_views(
    x: Tensor, count: int, generator: torch.Generator | None = None, smallest_crop: float = SMALLEST_CROP
) -> list[Tensor]:
    """Several random views of each image, drawn one after the other; see `ssl_view`."""
    return [ssl_view(x, generator, smallest_crop) for _ in range(count)]


def ssl_view(x: Tensor, generator: torch.Generator | None = None, smallest_crop: float = SMALLEST_CROP) -> Tensor:
    """One random view of each image.

    One-channel images keep their side and have no colours to change: mirrored digits and letters are other signs.

    Args:
        x: (n, c, h, w) float32, normalised or not, with one or three channels.
        generator: on the CPU; every image gets draws of its own from it.
        smallest_crop: least share of the area that is shown, 0..1.

    Returns:
        Float32 of the same shape and memory order.
    """
    colour = x.shape[1] == 3
    draws = torch.rand(DRAWS, len(x), generator=generator, dtype=torch.float64)
    with torch.autocast(x.device.type, enabled=False):
        cropped = _crop(x, draws[:4], draws[4] < 0.5 if colour else None, smallest_crop)
        changed = _colours(cropped, draws[5:]) if colour else _light(cropped, draws[5:])
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return changed.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _crop(x: Tensor, draws: Tensor, mirror: Tensor | None, smallest: float) -> Tensor:
    """A part of each image scaled to the full size, bilinear and held at the border.

    Args:
        x: (n, c, h, w).
        draws: (4, n) in 0..1: area, ratio, place across, place down.
        mirror: (n,) bool; None mirrors nothing.
        smallest: least share of the area.
    """
    n, channels, height, width = x.shape
    area = smallest + (1 - smallest) * draws[0]
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    ratio = (low + (high - low) * draws[1]).exp()
    wide = (area * ratio).sqrt().clamp(max=1.0)
    tall = (area / ratio).sqrt().clamp(max=1.0)
    across = _weights(width, (1 - wide) * draws[2], wide, mirror).to(x.device, x.dtype)
    down = _weights(height, (1 - tall) * draws[3], tall, None).to(x.device, x.dtype)
    # Two products per image: first the rows of all columns and channels at once, then the columns of all rows.
    # Bilinear weights of an upright part are a product of one weight per column and one per row.
    mixed = torch.bmm(x.reshape(n, channels * height, width), across.transpose(1, 2))
    return torch.bmm(down.repeat_interleave(channels, 0), mixed.view(n * channels, height, width)).view_as(x)


def _weights(size: int, start: Tensor, share: Tensor, mirror: Tensor | None) -> Tensor:
    """(n, size, size) bilinear weights of the old pixels (last axis) in each new one.

    Args:
        size: number of pixels along this axis.
        start: (n,) where the part begins, as a share of the axis.
        share: (n,) how much of the axis it covers.
        mirror: (n,) bool; these run backwards.
    """
    new = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    places = new.expand(len(start), size) if mirror is None else torch.where(mirror[:, None], 1 - new, new)
    points = ((start[:, None] + share[:, None] * places) * size - 0.5).clamp(0, size - 1).float()
    return (points[:, :, None] - torch.arange(size)).abs_().neg_().add_(1).clamp_(min=0)


def _light(x: Tensor, draws: Tensor) -> Tensor:
    """Brightness and contrast of one-channel images; draws as `_colours` takes them."""
    factor, offset = _brightness_and_contrast(x, x.mean(dim=(1, 2, 3)), draws)
    return x * factor[:, None, None, None] + offset[:, None, None, None]


def _colours(x: Tensor, draws: Tensor) -> Tensor:
    """Brightness, contrast, saturation and hue, then grey: one matrix and one offset per image.

    Args:
        x: (n, 3, h, w).
        draws: (6, n) in 0..1: jitter or not, brightness, contrast, saturation, hue, grey or not.
    """
    n = len(x)
    luminance = _TO_YIQ[0].to(x.device, x.dtype)
    factor, offset = _brightness_and_contrast(x, x.mean(dim=(2, 3)) @ luminance, draws)
    strength = (draws[0] < JITTERED).double()
    saturation = (1 + strength * JITTER * (2 * draws[3] - 1)) * (draws[5] >= GREYED)
    angle = strength * 2 * math.pi * HUE * (2 * draws[4] - 1)
    # Grey stays as it is; the two colour axes are turned by the hue and stretched by the saturation.
    turned = torch.zeros(n, 3, 3, dtype=torch.float64)
    turned[:, 0, 0] = 1
    turned[:, 1, 1] = turned[:, 2, 2] = saturation * angle.cos()
    turned[:, 1, 2] = -saturation * angle.sin()
    turned[:, 2, 1] = saturation * angle.sin()
    matrix = (_TO_RGB @ turned @ _TO_YIQ).to(x.device, x.dtype) * factor[:, None, None]
    return torch.baddbmm(offset[:, None, None], matrix, x.flatten(2)).view_as(x)


def _brightness_and_contrast(x: Tensor, mean: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    """(n,) factor and (n,) offset: brightness stretches from the darkest value, contrast from the mean of that."""
    strength = (draws[0] < JITTERED).double()
    bright, contrast = (1 + strength * JITTER * (2 * draws[1:3] - 1)).to(x.device, x.dtype)
    black = x.amin(dim=(1, 2, 3))
    brighter_mean = black + bright * (mean - black)
    return bright * contrast, contrast * (1 - bright) * black + (1 - contrast) * brighter_mean
