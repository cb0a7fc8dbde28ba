"""Weights laid onto a network: which name of the file is which of the network, and why they do not fit."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.learning.weight_names import OURS
from cu_core.learning.weight_shape import shape_of

# Grey and colour, with and without transparency; another number is that of an inner layer.
CHANNELS = (1, 3, 4)
LAST = ("head.weight", "head.bias")
_TRANSFORMER = (
    (r"^cls_token$", "class_token"),
    (r"^pos_embed$", "encoder.pos_embedding"),
    (r"^patch_embed\.proj\.", "conv_proj."),
    (r"^norm\.", "encoder.ln."),
    (r"^blocks\.(\d+)\.norm([12])\.", r"encoder.layers.encoder_layer_\1.ln_\2."),
    (r"^blocks\.(\d+)\.attn\.qkv\.", r"encoder.layers.encoder_layer_\1.self_attention.in_proj_"),
    (r"^blocks\.(\d+)\.attn\.proj\.", r"encoder.layers.encoder_layer_\1.self_attention.out_proj."),
    (r"^blocks\.(\d+)\.mlp\.fc1\.", r"encoder.layers.encoder_layer_\1.mlp.0."),
    (r"^blocks\.(\d+)\.mlp\.fc2\.", r"encoder.layers.encoder_layer_\1.mlp.3."),
)
"""A vision transformer's layers as timm calls them, and as torchvision does."""


def bare(state: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of a backbone, without the parts that networks of this program have."""
    return not any(name.startswith(OURS) for name in state)


def fitted(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights by the names of a network; those that it has no place for keep theirs.

    Args:
        state: as `cu_core.learning.weight_file.WeightFile.state`.
        wanted: of the network.
    """
    if not bare(state):
        return dict(state)
    body = {name: value for name, value in state.items() if name not in LAST and not name.startswith("projector.")}
    last = {name: value for name, value in state.items() if name not in body}
    if "cls_token" in body and "trunk.encoder.class_token" in wanted:
        body = {_as_torchvision(name): value for name, value in body.items()}
    if not any(name.startswith("projector.") for name in wanted):
        last = {name: value for name, value in last.items() if name in LAST}
    before, inside = _places(body, wanted)
    return {
        inside + name.removeprefix(before) if name.startswith(before) else name: v for name, v in body.items()
    } | last


def _as_torchvision(name: str) -> str:
    for pattern, new in _TRANSFORMER:
        if (other := re.sub(pattern, new, name)) != name:
            return other
    return name


def _places(body: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> tuple[str, str]:
    """What to take off the file's names, and what to put before them, so that most of them fit in name and shape."""
    trunk = {name: tuple(value.shape) for name, value in wanted.items() if name.startswith("trunk.")}
    shapes = {name: tuple(value.shape) for name, value in body.items()}

    def fit(before: str, inside: str) -> int:
        return sum(
            trunk.get(inside + name.removeprefix(before)) == shape
            for name, shape in shapes.items()
            if name.startswith(before)
        )

    insides = list(_prefixes(trunk))[1:] or ["trunk."]
    best = max((("", inside) for inside in insides), key=lambda pair: fit(*pair))
    if 2 * fit(*best) < len(shapes):
        best = max(
            ((before, inside) for before in _prefixes(shapes) for inside in insides), key=lambda pair: fit(*pair)
        )
    return best


def _prefixes(names: Mapping[str, object], deep: int = 3) -> Iterator[str]:
    found = {"": None}
    for name in names:
        words = name.split(".")
        found |= {".".join(words[:count]) + ".": None for count in range(1, min(deep, len(words) - 1) + 1)}
    yield from found


def why_another(state: Mapping[str, Tensor], given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str | None:
    """Why weights cannot be those of a network, where it is plain to see; None where only details tell.

    Args:
        state: as it was read.
        given: by the names of the network.
        wanted: of the network.
    """
    theirs, ours = shape_of(state), shape_of(wanted)
    if _lacks_the_first(given, wanted):
        # What would be taken for the first convolution is a later one, and says nothing of images.
        theirs = dataclasses.replace(theirs, channels=None, stem=None, words="")
    if theirs.channels in CHANNELS and ours.channels and theirs.channels != ours.channels:
        return f"they are for images of {_channels(theirs.channels)}, and these have {_channels(ours.channels)}"
    if theirs.words and theirs.words != ours.words and not _same_body(given, wanted):
        known = theirs.backbone.partition(":")[0] in BACKBONES
        remedy = f"model.backbone={theirs.backbone}" if known else "none of the backbones here is one"
        return f"they are those of {_article(theirs.words)}: {remedy}"
    if _classes(given) and _classes(wanted) and _classes(given) != _classes(wanted):
        return (
            f"they answer for {_classes(given)} classes, and the dataset has {_classes(wanted)}; they were trained on "
            "other images or other labels, or the last layer was made for more classes than there are images of"
        )
    if theirs.stem and ours.stem and theirs.stem != ours.stem and theirs.backbone == ours.backbone:
        chosen = "model.backbone=" + theirs.backbone if "trunk.model.conv1.weight" in wanted else "model.stem=auto"
        return f"they have a {theirs.stem} stem: {chosen}"
    return None


def _lacks_the_first(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    """Whether weights are those of the network but for its first convolution."""
    first = next((name for name, value in wanted.items() if value.ndim == 4), "")
    return first not in given and 2 * sum(name in given for name in wanted) > len(wanted)


def _same_body(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    ours, theirs = (
        {name: value.shape for name, value in state.items() if name.startswith("trunk.") and "num_batches" not in name}
        for state in (wanted, given)
    )
    return ours == theirs


def _classes(state: Mapping[str, Tensor]) -> int:
    weight = state.get("head.weight", state.get("members.0.head.weight"))
    return 0 if weight is None or weight.ndim != 2 else weight.shape[0]


def _channels(count: int) -> str:
    return "one channel (grey)" if count == 1 else f"{count} channels{' (colour)' if count == 3 else ''}"


def _article(words: str) -> str:
    return words if words.startswith("a ") else f"a {words}"
