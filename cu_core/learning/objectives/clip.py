"""Image-text contrast of CLIP (Radford et al., ICML 2021), with a class's prompt as the text of its images."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.views import view
from cu_core.learning.image_text import ImageText
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import full_precision

# CLIP never multiplies cosines by more than this.
LARGEST_SCALE = 100.0


def image_text_loss(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy of a batch of pairs: each image picks its text, each text its image.

    Targets are the pairs alone, as in CLIP. Where several images of a batch share a class and so a text, the others
    count as wrong all the same: the loss then cannot fall below the mean log of the number of images of a class.

    Args:
        images: (b, d) unit image embeddings.
        texts: (b, d) unit embeddings of their texts.
        scale: scalar that cosines are multiplied by.

    Returns:
        Scalar, the mean of both directions' means.
    """
    logits = scale * images @ texts.T
    pairs = torch.arange(len(images), device=images.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


class ImageTextContrast:
    """The training loss of image-text models; see `TrainingObjective`. It has no memory."""

    def __init__(self, spec: TrainSpec, model: Network, images: int) -> None:
        self.correct: Tensor | None = None

    def __call__(self, model: Network, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Symmetric image-text cross-entropy of one batch; see `image_text_loss`."""
        network = cast(ImageText, model)
        embedding, _, _ = network.embed(images)
        prompts = network.prompt_embeddings()
        with full_precision(images):
            self.correct = ((embedding.detach() @ prompts.detach().T).argmax(1) == labels).sum()
            return image_text_loss(embedding.float(), prompts.float()[labels], network.scale)

    def views(self, images: Tensor, count: int, generator: torch.Generator) -> list[Tensor]:
        """The mild views that classifiers are measured with."""
        return [view(images, generator) for _ in range(count)]

    def after_step(self, model: Network, share: float = 0.0) -> None:
        """Keeps the scale of cosines between 1 and `LARGEST_SCALE`."""
        with torch.no_grad():
            cast(ImageText, model).log_scale.clamp_(0.0, math.log(LARGEST_SCALE))

    def per_sample(self, model: Network, first: Tensor, second: Tensor, others: Tensor) -> Tensor:
        """Refused: the loss of a sample is computed from its logits and label, as of a classifier."""
        raise TypeError("the loss of a sample comes from its logits and label, not from views")

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take over."""
