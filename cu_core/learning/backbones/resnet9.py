"""ResNet-9, in the form of the EasyDUB models: the CIFAR network of the ffcv examples.

Convolution of 64 channels, 5×5 convolution of stride 2 to 128, residual block, convolution to 256, pool, residual
block, unpadded convolution to 128, global maximum, features times 0.2 in front of the last linear layer; batch norm
and ReLU behind every convolution. EasyDUB (Rinberg et al., 2025) trains it for 24 epochs; its last layer has no bias,
ours has one like that of every classifier here.
"""

from __future__ import annotations

from torch import Tensor, nn

FEATURES = 128
FEATURE_SCALE = 0.2
LAST_KERNEL = 3


class ResidualPair(nn.Module):
    """Two convolutions, each with batch norm and ReLU, whose output is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_convolution(width, width), *_convolution(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) of (n, width, h, w)."""
        return x + self.layers(x)


class ResNet9(nn.Module):
    """The trunk; images under 12 px get a border in front of the last convolution, which has none otherwise.

    Attributes:
        width: number of features.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        side = -(-size // 2) // 2
        self.layers = nn.Sequential(
            *_convolution(channels, 64),
            *_convolution(64, 128, kernel=5, stride=2),
            ResidualPair(128),
            *_convolution(128, 256),
            nn.MaxPool2d(2),
            ResidualPair(256),
            *_convolution(256, FEATURES, padding=0 if side >= LAST_KERNEL else 1),
        )
        self.width = FEATURES

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, channels, size, size)."""
        return self.layers(images).amax(dim=(2, 3)) * FEATURE_SCALE


def _convolution(
    channels: int, width: int, kernel: int = LAST_KERNEL, stride: int = 1, padding: int | None = None
) -> list[nn.Module]:
    padding = kernel // 2 if padding is None else padding
    return [
        nn.Conv2d(channels, width, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    ]


def build(name: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    """The trunk for images of that size."""
    return ResNet9(channels, size)
