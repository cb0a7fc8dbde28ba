"""Two convolutions and a wide dense layer: a network that memorises images quickly on a CPU.

Membership can only be attacked, and unlearned, where a network has memorised. Four million weights in one
dense layer do that at less than half of the multiply-adds of `resnet8`, which has 80,000 weights in all.
"""

from __future__ import annotations

from torch import Tensor, nn

FEATURES = 1024
CHANNELS = (32, 64)
LARGEST_SIDE = 8


class WideCnn(nn.Module):
    """Two strided convolutions, a pool to at most 8×8 pixels, one dense layer.

    Attributes:
        width: number of features.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        first, second = CHANNELS
        side = min(LARGEST_SIDE, -(-size // 4))
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, first, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
            nn.Conv2d(first, second, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(second),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(side),
            nn.Flatten(),
        )
        self.width = FEATURES
        self.dense = nn.Sequential(
            nn.Linear(second * side * side, self.width, bias=False), nn.BatchNorm1d(self.width), nn.ReLU(inplace=True)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, channels, size, size)."""
        return self.dense(self.convolutions(images))


def build(name: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    """The trunk for images of that size."""
    return WideCnn(channels, size)
