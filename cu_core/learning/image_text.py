"""Image-text network: two towers; the class whose prompt embedding is nearest is predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.learning.network import LastLayer, Network, Outputs
from cu_core.learning.parallel.division import features as features_of

PROMPT = "a photo of a {}"


class ImageTrunk(nn.Module):
    """The image tower; grey images become three equal channels.

    Attributes:
        tower: module from images (n, 3, size, size) to features (n, width).
        width: as measured on one image.
    """

    def __init__(self, tower: nn.Module, width: int) -> None:
        super().__init__()
        self.tower = tower
        self.width = width

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, 1 or 3, size, size)."""
        features: Tensor = self.tower(images.expand(-1, 3, -1, -1))
        return features


class ImageText(Network):
    """A CLIP model (Radford et al., ICML 2021) whose classes are the prompts ``a photo of a {class}``.

    Attributes:
        trunk: the image tower; its projected features are the embedding before it is normalised.
        text: the text tower with ``encode_text`` and the parameter ``logit_scale``, the log of what cosines are
            multiplied by.
        prompts: (C, length) tokens of the class prompts; they follow from the data and are no weights.
        num_classes: C.
    """

    prompts: Tensor

    def __init__(
        self, trunk: ImageTrunk, text: nn.Module, tokenize: Callable[[list[str]], Tensor], names: Sequence[str]
    ) -> None:
        super().__init__(trunk, "plain", trunk.width)
        self.text = text
        self.register_buffer("prompts", tokenize([PROMPT.format(name) for name in names]), persistent=False)
        self.num_classes = len(names)

    @property
    def num_outputs(self) -> int:
        """The number of classes."""
        return self.num_classes

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Unit image features, the same before they are normalised, and once more as features."""
        raw = features_of(self.trunk, images).float()
        return F.normalize(raw, dim=1), raw, raw

    def prompt_embeddings(self) -> Tensor:
        """(C, d) unit text features of the class prompts."""
        encode = cast(Callable[[Tensor], Tensor], self.text.encode_text)
        return F.normalize(encode(self.prompts).float(), dim=1)

    @property
    def log_scale(self) -> nn.Parameter:
        """The log of what cosines are multiplied by."""
        return cast(nn.Parameter, self.text.logit_scale)

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by."""
        return self.log_scale.exp()

    @torch.no_grad()
    def last_layer(self) -> LastLayer:
        """The scaled class prompts, which image embeddings are multiplied by; no bias."""
        weight = (self.scale * self.prompt_embeddings()).float()
        return LastLayer(weight, torch.zeros(len(weight), device=weight.device), "embedding")

    def outputs(self, images: Tensor) -> Outputs:
        """All outputs for normalised images; logits are the scaled cosines to the class prompts (zero-shot answer)."""
        embedding, raw, features = self.embed(images)
        with torch.autocast(images.device.type, enabled=False):
            logits = self.scale * embedding @ self.prompt_embeddings().T
        return Outputs(logits, embedding, raw, features)
