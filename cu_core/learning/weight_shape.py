"""What names and shapes of weights say of the network: which backbone, head, stem, classes, channels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

OUR_TRUNKS = ("trunk.", "members.0.trunk.", "")
_BLOCK = re.compile(r"layer(\d+)\.(\d+)\.conv(\d)\.weight$")
_RESIDUAL: dict[tuple[str, tuple[int, ...]], str] = {
    ("basic", (2, 2, 2, 2)): "resnet18",
    ("basic", (3, 4, 6, 3)): "resnet34",
    ("bottleneck", (3, 4, 6, 3)): "resnet50",
    ("bottleneck", (3, 4, 23, 3)): "resnet101",
    ("bottleneck", (3, 8, 36, 3)): "timm:resnet152",
    ("wide", (3, 4, 6, 3)): "timm:wide_resnet50_2",
    ("wide", (3, 4, 23, 3)): "timm:wide_resnet101_2",
    ("grouped", (3, 4, 6, 3)): "timm:resnext50_32x4d",
}
_TRANSFORMERS = {192: "tiny", 384: "small", 768: "base", 1024: "large"}


@dataclass(frozen=True)
class WeightShape:
    """What is known of a network from its weights.

    Attributes:
        backbone: the one of ours, or of timm's, that has such names and shapes; empty where none is known.
        words: what kind of network it is, for people; empty where nothing can be said.
        head: ``plain`` or ``projected``; None where there is neither a last layer nor a projector.
        stem: ``small`` or ``large`` of a residual network, else None.
        embedding_dim: width of a projected embedding.
        num_classes: of the last layer; None of an encoder.
        channels: of the images, where a first convolution tells.
    """

    backbone: str
    words: str
    head: str | None
    stem: str | None
    embedding_dim: int | None
    num_classes: int | None
    channels: int | None


def shape_of(state: Mapping[str, Tensor]) -> WeightShape:
    """The shape of a network whose weights are called as `cu_core.learning.weight_names` calls them."""
    ours = next(prefix for prefix in OUR_TRUNKS if any(name.startswith(prefix) for name in state) or not prefix)
    before = "members.0." if ours.startswith("members") else ""
    last, inner = state.get(f"{before}head.weight"), state.get(f"{before}projector.2.weight")
    projected = inner is not None and (last is None or last.shape[1:] == inner.shape[:1])
    name, words = _backbone({n.removeprefix(ours): value for n, value in state.items() if n.startswith(ours)})
    first = _first(state, ours)
    return WeightShape(
        backbone=name,
        words=words,
        head="projected" if projected else None if last is None else "plain",
        stem=_stem(first) if name.startswith("resnet") else None,
        embedding_dim=inner.shape[0] if inner is not None and projected else None,
        num_classes=None if last is None else last.shape[0],
        channels=None if first is None else first.shape[1],
    )


def _first(state: Mapping[str, Tensor], ours: str) -> Tensor | None:
    """The first convolution."""
    return next((v for n, v in state.items() if n.startswith(ours) and v.ndim == 4 and n.endswith("weight")), None)


def _stem(first: Tensor | None) -> str | None:
    return None if first is None else {7: "large", 3: "small"}.get(first.shape[-1])


def _backbone(state: Mapping[str, Tensor]) -> tuple[str, str]:
    state = {name.removeprefix("model.").removeprefix("encoder."): value for name, value in state.items()}
    counts = Counter(int(match[1]) for name in state if (match := _BLOCK.match(name)) and match[3] == "1")
    if counts and "conv1.weight" in state:
        return _residual(state, tuple(counts[stage] for stage in sorted(counts)))
    if "layer1.conv1.weight" in state:
        return "resnet8", "resnet8"
    if "class_token" in state and "conv_proj.weight" in state:
        width = state["conv_proj.weight"].shape[0]
        patch = state["conv_proj.weight"].shape[-1]
        name = "vit-small" if width == 384 else ""
        return name, name or f"a vision transformer {width} wide with patches of {patch} px"
    if "cls_token" in state and "patch_embed.proj.weight" in state:
        patches = state["patch_embed.proj.weight"]
        size, patch = _TRANSFORMERS.get(patches.shape[0]), patches.shape[-1]
        known = size and patch in (14, 16, 32)
        name = f"timm:vit_{size}_patch{patch}_224" if known else ""
        return name, f"a vision transformer {patches.shape[0]} wide with patches of {patch} px"
    if _shape(state, "layers.0.weight")[:1] == (32,) and _shape(state, "layers.4.weight") == (64, 32, 3, 3):
        return "tiny-cnn", "tiny-cnn"
    if "convolutions.0.weight" in state and "dense.0.weight" in state:
        return "wide-cnn", "wide-cnn"
    return "", ""


def _residual(state: Mapping[str, Tensor], stages: tuple[int, ...]) -> tuple[str, str]:
    kind = "basic"
    if "layer1.0.conv3.weight" in state:
        middle = state["layer1.0.conv2.weight"]
        grouped = middle.shape[0] != middle.shape[1]
        kind = "grouped" if grouped else "wide" if middle.shape[0] > 64 else "bottleneck"
    fits = state["conv1.weight"].shape[:1] == (64,) and state["conv1.weight"].ndim == 4
    name = _RESIDUAL.get((kind, stages), "") if fits else ""
    return name, name or f"a residual network with {'-'.join(map(str, stages))} {kind} blocks"


def _shape(state: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    return tuple(state[name].shape) if name in state else ()
