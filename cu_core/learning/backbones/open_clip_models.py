"""CLIP models of the open_clip library, and a tiny one with random weights that needs nothing from the network.

Images keep the size and the normalisation of their dataset, not the ones that published weights were trained with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, cast

import open_clip
import torch
from torch import Tensor, nn

from cu_core.base.errors import BadInput, Incompatible
from cu_core.learning.image_text import ImageText, ImageTrunk

FIELD = "model.backbone"
TINY = "tiny"
TINY_WIDTH = 64
TINY_LENGTH = 32
# Behind the 256 bytes. The text tower reads a text's features at its largest token, so the end has to be the last.
START, END = 256, 257


def build(name: str, size: int, pretrained: bool, names: Sequence[str]) -> ImageText:
    """The network named ``open_clip:NAME``, its weights drawn from torch's generator unless published ones are wanted.

    Args:
        name: ``open_clip:tiny`` or ``open_clip:`` with one of `open_clip.list_models`.
        size: height and width of the images in pixels; published weights are fitted to it by open_clip.
        pretrained: whether to start from published weights: OpenAI's where there are such, else the first listed.
        names: of the classes.

    Raises:
        BadInput: open_clip knows no such model, or has no published weights for it, or they cannot be fetched.
        Incompatible: the model cannot be built for images of this size.
    """
    wanted = name.partition(":")[2]
    if wanted == TINY:
        if pretrained:
            raise BadInput("model.pretrained", "there are no published weights for open_clip:tiny", ("false",))
        return _joined(_tiny(size), tiny_tokens, wanted, size, names)
    return _joined(*_published(wanted, size, pretrained), wanted, size, names)


def _joined(
    clip: nn.Module, tokenize: Callable[[list[str]], Tensor], wanted: str, size: int, names: Sequence[str]
) -> ImageText:
    tower = cast(nn.Module, clip.visual)
    # The rest of the model is the text tower; the image tower is not to count twice.
    del clip.visual
    trunk = ImageTrunk(tower, _width(tower, wanted, size))
    return ImageText(trunk, clip, tokenize, names)


def tiny_tokens(texts: list[str]) -> Tensor:
    """(n, `TINY_LENGTH`) int64: start, the text's UTF-8 bytes as far as they fit, end, zeros."""
    tokens = torch.zeros(len(texts), TINY_LENGTH, dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        line = [START, *text.encode()[: TINY_LENGTH - 2], END]
        row[: len(line)] = torch.tensor(line)
    return tokens


def _tiny(size: int) -> nn.Module:
    heads = {"width": TINY_WIDTH, "layers": 2}
    return open_clip.CLIP(
        embed_dim=TINY_WIDTH,
        vision_cfg=open_clip.CLIPVisionCfg(**heads, head_width=32, patch_size=math.ceil(size / 4), image_size=size),
        text_cfg=open_clip.CLIPTextCfg(**heads, heads=2, context_length=TINY_LENGTH, vocab_size=END + 1),
    )


def _published(wanted: str, size: int, pretrained: bool) -> tuple[nn.Module, Callable[[list[str]], Tensor]]:
    known = open_clip.list_models()
    if wanted not in known:
        close = get_close_matches(wanted, known, n=5, cutoff=0.5)
        raise BadInput(FIELD, f"open_clip has no model named {wanted!r}", [f"open_clip:{c}" for c in (TINY, *close)])
    tags = open_clip.list_pretrained_tags_by_model(wanted) if pretrained else []
    if pretrained and not tags:
        raise BadInput("model.pretrained", f"open_clip has no published weights for {wanted}", ("false",))
    options: dict[str, Any] = {"force_image_size": size, "pretrained_text": False}
    if pretrained:
        options["pretrained"] = "openai" if "openai" in tags else tags[0]
    try:
        model = open_clip.create_model(wanted, **options)
        tokenizer = open_clip.get_tokenizer(wanted)
    except Exception as error:  # third-party code: anything from a refused connection to a failed assertion
        said = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        if pretrained:
            raise BadInput(
                "model.pretrained",
                f"the published weights of {wanted} could not be loaded for {size}-px images ({said}); check the "
                "network, or train from scratch",
                ("false",),
            ) from error
        raise Incompatible(FIELD, f"open_clip's {wanted} cannot be built for {size}-px images ({said})") from error
    return model, cast(Callable[[list[str]], Tensor], tokenizer)


def _width(tower: nn.Module, wanted: str, size: int) -> int:
    tower.eval()
    try:
        with torch.no_grad():
            features = tower(torch.zeros(1, 3, size, size))
    except Exception as error:  # third-party code, see above
        raise Incompatible(FIELD, f"open_clip's {wanted} cannot take {size}-px images") from error
    tower.train()
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise Incompatible(FIELD, f"open_clip's {wanted} delivers no feature vector per image")
    return features.shape[1]
