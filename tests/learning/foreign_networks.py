"""Networks as the usual codebases write them, in plain PyTorch: nothing of this program is imported here."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """A basic block; `short` is what the codebase calls its shortcut."""

    def __init__(self, before: int, width: int, stride: int, short: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.short = short
        if stride != 1 or before != width:
            way = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
            setattr(self, short, way)
        elif short == "shortcut":
            self.shortcut = nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        way = getattr(self, self.short, None)
        return F.relu(y + (way(x) if way is not None else x))


class Bottleneck(nn.Module):
    """Three convolutions, the last four times as wide."""

    def __init__(self, before: int, width: int, stride: int, short: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.short = short
        way = nn.Sequential()
        if stride != 1 or before != 4 * width:
            way = nn.Sequential(nn.Conv2d(before, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))
        setattr(self, short, way)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + getattr(self, self.short)(x))


class Normalise(nn.Module):
    """Mean and deviation as buffers, before the first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.49, 0.48, 0.45]))
        self.register_buffer("std", torch.tensor([0.25, 0.24, 0.26]))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean[:, None, None]) / self.std[:, None, None]


class Residual(nn.Module):
    """A ResNet with its codebase's names.

    Args:
        stages: blocks of each stage.
        classes: of the last layer; 0 for none.
        short: what the shortcut is called.
        last: what the last layer is called.
        block: basic or bottleneck.
        large: a stem of 7×7 with pooling.
        normalise: what a layer of mean and deviation is called; none if empty.
        channels: of the images.
    """

    def __init__(
        self,
        stages: tuple[int, ...] = (2, 2, 2, 2),
        classes: int = 10,
        short: str = "downsample",
        last: str = "fc",
        block: type[Block] | type[Bottleneck] = Block,
        large: bool = False,
        normalise: str = "",
        channels: int = 3,
        width: int = 64,
    ) -> None:
        super().__init__()
        self.last, self.normalise_name = last, normalise
        if normalise:
            setattr(self, normalise, Normalise())
        self.conv1 = nn.Conv2d(channels, width, 7 if large else 3, 2 if large else 1, 3 if large else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        before, factor = width, 4 if block is Bottleneck else 1
        self.stages = len(stages)
        for stage, count in enumerate(stages):
            blocks = []
            for i in range(count):
                blocks.append(block(before, width << stage, 2 if stage and not i else 1, short))
                before = factor * width << stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.width = before
        if classes:
            setattr(self, last, nn.Linear(before, classes))

    def forward(self, x: Tensor) -> Tensor:
        if self.normalise_name:
            x = getattr(self, self.normalise_name)(x)
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        x = x.mean((2, 3))
        return getattr(self, self.last)(x) if hasattr(self, self.last) else x


class TwoParts(nn.Module):
    """An encoder with another part behind it, each under a name of the codebase's."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        self.order = list(parts)
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        for name in self.order:
            x = getattr(self, name)(x)
        return x


class Small(nn.Module):
    """The smallest CIFAR network with one block a stage, unnumbered; `last` is what its last layer is called."""

    def __init__(self, classes: int = 4, channels: int = 1, last: str = "fc", large: bool = False) -> None:
        super().__init__()
        self.last = last
        self.conv1 = nn.Conv2d(channels, 16, 7 if large else 3, 2 if large else 1, 3 if large else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.pool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        self.layer1 = Block(16, 16, 1, "downsample")
        self.layer2 = Block(16, 32, 2, "downsample")
        self.layer3 = Block(32, 64, 2, "downsample")
        if classes:
            setattr(self, last, nn.Linear(64, classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x))).mean((2, 3))
        return getattr(self, self.last)(x) if hasattr(self, self.last) else x


def trained(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with all numbers drawn, running statistics too, so that no layer is by chance the identity."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if value.ndim < 2:
                start = 1.0 if name.endswith("weight") else 0.0
                value.copy_(start + 0.1 * torch.randn(value.shape, generator=generator))
            else:
                fan = value[0].numel()
                value.copy_(torch.randn(value.shape, generator=generator) * fan**-0.5)
        for name, value in module.named_buffers():
            if name.endswith("running_mean"):
                value.copy_(0.1 * torch.randn(value.shape, generator=generator))
            elif name.endswith("running_var"):
                value.copy_(1 + 0.2 * torch.rand(value.shape, generator=generator))
    return module.eval()
