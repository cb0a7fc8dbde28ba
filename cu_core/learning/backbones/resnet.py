"""Residual networks with the stem that fits the image size.

ResNet-18 to -101 are torchvision's. ResNet-8 is the CIFAR network of He et al. 2016 (§4.2) with n = 1.
Up to 64 px the stem is small: a 3×3 convolution of stride 1 without pooling, as is usual for CIFAR; above, it is
large: the ordinary 7×7 convolution of stride 2 with max-pooling. Either can be asked for at any size.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

SMALL_IMAGE = 64

LAYERS: dict[str, tuple[type[BasicBlock] | type[Bottleneck], list[int]]] = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
    "resnet101": (Bottleneck, [3, 4, 23, 3]),
}


def usual_stem(size: int) -> str:
    """``small`` or ``large``: the stem for images of that many pixels, where none is asked for."""
    return "small" if size <= SMALL_IMAGE else "large"


def _stem(channels: int, width: int, stem: str) -> nn.Conv2d:
    if stem == "small":
        convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    else:
        convolution = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution


def _pool(stem: str) -> nn.Module:
    return nn.Identity() if stem == "small" else nn.MaxPool2d(3, stride=2, padding=1)


def mean_of_places(x: Tensor) -> Tensor:
    """Mean over height and width, whose gradient lies in memory as the images do.

    The gradient of ``x.mean(dim=(2, 3))`` comes with the places innermost. Where the channels are innermost, the
    rectifier before the mean would walk through memory in two orders at once, at fifteen times the cost.

    Args:
        x: (n, c, h, w).

    Returns:
        (n, c).
    """
    if x.stride(1) == 1:
        return x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)
    return x.mean(dim=(2, 3))


class _Pool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return mean_of_places(x)[:, :, None, None]


class ResNet8(nn.Module):
    """Stem of 16 channels, then one basic block each of 16, 32 and 64 channels.

    Attributes:
        width: number of features.
    """

    def __init__(self, channels: int, stem: str) -> None:
        super().__init__()
        self.conv1 = _stem(channels, 16, stem)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = _pool(stem)
        self.layer1 = BasicBlock(16, 16)
        self.layer2 = BasicBlock(16, 32, stride=2, downsample=_shortcut(16, 32))
        self.layer3 = BasicBlock(32, 64, stride=2, downsample=_shortcut(32, 64))
        self.width = 64
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, channels, size, size)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return mean_of_places(self.layer3(self.layer2(self.layer1(x))))


def _shortcut(channels: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride=2, bias=False), nn.BatchNorm2d(width))


def build(name: str, channels: int, size: int, pretrained: bool, stem: str = "auto") -> nn.Module:
    """The trunk of ``resnet8``, ``resnet18``, ``resnet34``, ``resnet50`` or ``resnet101``."""
    if stem == "auto":
        stem = usual_stem(size)
    if name == "resnet8":
        return ResNet8(channels, stem)
    block, layers = LAYERS[name]
    trunk = ResNet(block, layers)
    trunk.width = trunk.fc.in_features
    trunk.conv1 = _stem(channels, 64, stem)
    trunk.maxpool = _pool(stem)
    trunk.avgpool = _Pool()
    trunk.fc = nn.Identity()
    return trunk
