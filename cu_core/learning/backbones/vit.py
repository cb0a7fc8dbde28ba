"""ViT-small: 12 layers, 384 wide, 6 heads (Touvron et al. 2021), patches chosen from the image size."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.vision_transformer import VisionTransformer


def patch_size(size: int) -> int:
    """Pixels per patch: 4 up to 48 px, 8 up to 96 px, else 16; keeps the sequence at 196 tokens for 224 px."""
    if size <= 48:
        return 4
    return 8 if size <= 96 else 16


class VitSmall(nn.Module):
    """torchvision's transformer behind padding to whole patches.

    Attributes:
        width: number of features.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        patch = patch_size(size)
        self.padding = -size % patch
        self.width = 384
        self.encoder = VisionTransformer(
            image_size=size + self.padding,
            patch_size=patch,
            num_layers=12,
            num_heads=6,
            hidden_dim=self.width,
            mlp_dim=4 * self.width,
        )
        self.encoder.heads = nn.Identity()
        if channels != 3:
            projection = nn.Conv2d(channels, self.width, patch, stride=patch)
            nn.init.trunc_normal_(projection.weight, std=(channels * patch * patch) ** -0.5)
            self.encoder.conv_proj = projection

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, channels, size, size): the class token."""
        # Zero is the mean colour of normalised images, so the border carries no edge of its own.
        return self.encoder(F.pad(images, (0, self.padding, 0, self.padding)) if self.padding else images)


def build(name: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    """The trunk for images of that size."""
    return VitSmall(channels, size)
