"""Narrow convolutional networks that reach high accuracy in few epochs, also on a CPU.

The architecture is that of airbench (K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498,
§3): a convolution that whitens 2×2 patches, three groups of two convolutions, GELU, convolutions that start as the
identity, a global maximum, and features divided by 9 in front of the last linear layer. Three things differ. The last
layer has a bias, like that of every classifier here. Batch norm keeps PyTorch's momentum and epsilon: the original's
statistics are all but those of the last two batches, so that a few forget batches would replace them. The bias of the
whitening learns for the whole training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = {"airbench-s": (32, 64, 128), "airbench-m": (64, 128, 256), "airbench-l": (64, 256, 256)}
PATCH = 2
# Added to the eigenvalues of patches of normalised pixels: directions in which images hardly vary are not blown up.
WHITENING_EPSILON = 5e-4
FEATURE_SCALE = 1 / 9


class PatchWhitening(nn.Module):
    """Convolution of 2×2 patches with their principal components, scaled to unit variance, and the negatives of these.

    The weights are no parameters: no optimizer and no unlearning method moves them. Until `learn` they hand the pixels
    of a patch through as they are.

    Args:
        channels: of the images.

    Attributes:
        weight: (8 · channels, channels, 2, 2).
        bias: (8 · channels,), trained.
        learned: 1 once the weights come from images, else 0; stored with the weights, so that whoever goes on from
            stored ones keeps them.
    """

    weight: Tensor
    learned: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        size = channels * PATCH * PATCH
        pixels = torch.eye(size).view(size, channels, PATCH, PATCH)
        self.bias = nn.Parameter(torch.zeros(2 * size))
        self.register_buffer("weight", torch.cat([pixels, -pixels]))
        self.register_buffer("learned", torch.zeros((), dtype=torch.int64))

    def learn(self, batches: Iterable[Tensor]) -> None:
        """Takes the weights from images (n, channels, size, size); see `whitening`."""
        rows = whitening(batches).view(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([rows, -rows]))
        self.learned.fill_(1)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 8 · channels, size − 1, size − 1) of images (n, channels, size, size)."""
        return F.conv2d(images, self.weight, self.bias)


def whitening(batches: Iterable[Tensor]) -> Tensor:
    """Principal components of all 2×2 patches, one a row, each divided by √(its eigenvalue + `WHITENING_EPSILON`).

    Sums are kept in float64 and each row's largest entry is positive, so that machines agree.

    Args:
        batches: images (n, channels, size, size), at least one.

    Returns:
        (channels · 4, channels · 4) float32; a patch's entries are ordered as those of a convolution's weights.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for images in batches:
        patches = F.unfold(images.float(), PATCH).transpose(0, 1).flatten(1)
        count += patches.shape[1]
        total = total.to(patches.device) + patches.sum(1).double()
        squares = squares.to(patches.device) + (patches @ patches.T).double()
    mean = total / count
    # On the CPU: the eigenvectors of a small matrix, in float64, which not every device has.
    values, vectors = torch.linalg.eigh((squares / count - torch.outer(mean, mean)).cpu())
    rows = vectors.T / (values.clamp(min=0) + WHITENING_EPSILON).sqrt()[:, None]
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return (rows * largest.sign()).float()


class ShiftNorm(nn.BatchNorm2d):
    """Batch norm with a trained bias and without a trained scale, which stays 1 and is no parameter."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        del self.weight
        self.register_buffer("weight", torch.ones(width))


class Airbench(nn.Module):
    """Whitening, three groups, global maximum.

    A group is a 3×3 convolution, a pool that halves the image where two pixels are left to halve, and a second 3×3
    convolution, each convolution with batch norm and GELU behind it.

    Args:
        channels: of the images.
        size: height and width of the images in pixels, at least 8.
        widths: channels of the three groups.

    Attributes:
        width: number of features.
    """

    def __init__(self, channels: int, size: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.whiten = PatchWhitening(channels)
        layers: list[nn.Module] = [nn.GELU()]
        before, side = len(self.whiten.bias), size - PATCH + 1
        for width in widths:
            pool = nn.MaxPool2d(2) if side >= 2 else nn.Identity()
            side = side // 2 if side >= 2 else side
            layers += [_convolution(before, width), pool, ShiftNorm(width), nn.GELU()]
            layers += [_convolution(width, width), ShiftNorm(width), nn.GELU()]
            before = width
        self.layers = nn.Sequential(*layers)
        self.width = before

    def prepare(self, batches: Callable[[], Iterable[Tensor]]) -> None:
        """Whitens by the training images, unless that was done; see `cu_core.learning.training.Training`."""
        if not bool(self.whiten.learned):
            self.whiten.learn(batches())

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, channels, size, size)."""
        return self.layers(self.whiten(images)).amax(dim=(2, 3)) * FEATURE_SCALE


def _convolution(channels: int, width: int) -> nn.Conv2d:
    """A 3×3 convolution whose first outputs are its inputs, as far as it has as many; the others start at random."""
    made = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(made.weight[: min(channels, width)])
    return made


def build(name: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    """The trunk of ``airbench-s``, ``airbench-m`` or ``airbench-l`` for images of that size."""
    return Airbench(channels, size, WIDTHS[name])
