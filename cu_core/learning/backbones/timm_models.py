"""Any model of the timm library as a trunk."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import nn

from cu_core.base.errors import BadInput, Incompatible
from cu_core.catalogue.listed_models import why_not_listed

FIELD = "model.backbone"


class TimmTrunk(nn.Module):
    """A timm model without its classifier.

    Attributes:
        width: number of features, as measured on one image.
    """

    def __init__(self, model: nn.Module, width: int) -> None:
        super().__init__()
        self.model = model
        self.width = width

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (n, width) of images (n, channels, size, size)."""
        return self.model(images)


def build(name: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    """The trunk named ``timm:NAME``.

    Raises:
        BadInput: timm knows no such model, or has no pretrained weights for it, or they cannot be fetched.
        Incompatible: the model does not take images of this size, or delivers no feature vector.
    """
    wanted = name.partition(":")[2]
    if not timm.is_model(wanted):
        raise BadInput(FIELD, *(why_not_listed(name) or (f"timm has no model named {wanted!r}",)))
    if pretrained and not timm.is_model_pretrained(wanted):
        raise BadInput("model.pretrained", f"timm has no published weights for {wanted}", ("false",))
    model = _create(wanted, channels, size, pretrained)
    return TimmTrunk(model, _feature_width(model, wanted, channels, size))


def _create(wanted: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    options: dict[str, Any] = {"pretrained": pretrained, "num_classes": 0, "in_chans": channels}
    try:
        try:
            return timm.create_model(wanted, img_size=size, **options)
        except TypeError:  # convolutional models take any size and have no such argument
            return timm.create_model(wanted, **options)
    except Exception as error:  # third-party code: anything from a refused connection to a failed assertion
        reason = _first_sentence(error)
        if pretrained:
            raise BadInput(
                "model.pretrained",
                f"the published weights of {wanted} could not be loaded for {size}-px images ({reason}); "
                "check the network, or train from scratch",
                ("false",),
            ) from error
        raise Incompatible(FIELD, f"timm's {wanted} cannot be built for {size}-px images ({reason})") from error


def _feature_width(model: nn.Module, wanted: str, channels: int, size: int) -> int:
    model.eval()
    try:
        with torch.no_grad():
            features = model(torch.zeros(1, channels, size, size))
    except Exception as error:  # third-party code, see above
        reason = _first_sentence(error)
        raise Incompatible(FIELD, f"timm's {wanted} cannot take {size}-px images ({reason})") from error
    model.train()
    if not isinstance(features, torch.Tensor) or features.ndim != 2 or features.shape[1] == 0:
        raise Incompatible(FIELD, f"timm's {wanted} delivers no feature vector per image")
    return features.shape[1]


def _first_sentence(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].partition(". ")[0][:200].rstrip(".")
