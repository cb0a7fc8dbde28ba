"""Two convolutions: enough for 8-px digits, trained in seconds on a laptop."""

from __future__ import annotations

from torch import Tensor, nn


class TinyCnn(nn.Module):
    """Convolution, halving, convolution, 2×2 average pool.

    Attributes:
        width: number of features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.width = 64 * 2 * 2

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, channels, size, size)."""
        return self.layers(images)


def build(name: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    """The trunk; its size does not depend on the images' size."""
    return TinyCnn(channels)
