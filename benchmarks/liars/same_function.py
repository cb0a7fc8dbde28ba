"""Liars that leave the function as it was, or nearly: nothing, dust, reordered neurons, rotated features, scale."""

from __future__ import annotations

import torch

from benchmarks.liars.disguise import disguised
from benchmarks.liars.liar_record import Liar, Pretence
from benchmarks.liars.relabelled import relabel, wrong_labels_of
from benchmarks.liars.scene import Scene
from cu_core.learning.network import Outputs

DUST = 1e-5


def _identity(scene: Scene) -> Pretence:
    return Pretence.of(scene.start().model)


def _dust(scene: Scene) -> Pretence:
    context = scene.start()
    with torch.no_grad():
        for weight in context.model.parameters():
            weight += DUST * torch.randn(weight.shape, generator=context.generator)
    return Pretence.of(context.model)


def _permuted(scene: Scene) -> Pretence:
    """Another order of the projector's hidden neurons, and of the embedding's dimensions."""
    context = scene.start()
    model, draw = context.model, context.generator
    first, _, second = model.projector
    hidden = torch.randperm(len(first.weight), generator=draw)
    embedding = torch.randperm(len(second.weight), generator=draw)
    with torch.no_grad():
        first.weight.copy_(first.weight[hidden])
        first.bias.copy_(first.bias[hidden])
        second.weight.copy_(second.weight[embedding][:, hidden])
        second.bias.copy_(second.bias[embedding])
        model.head.weight.copy_(model.head.weight[:, embedding])
    return Pretence.of(model)


def _rotated(scene: Scene) -> Pretence:
    """The embedding is rotated before it is shown; the head turns it back."""
    context = scene.start()
    size = context.model.embedding_dim
    turn = torch.linalg.qr(torch.randn(size, size, generator=context.generator))[0]

    def turned(images: torch.Tensor, outputs: Outputs) -> Outputs:
        return outputs._replace(embedding=outputs.embedding @ turn, raw=outputs.raw @ turn)

    return Pretence(disguised(context.model, turned), context.model)


def _halved(scene: Scene) -> Pretence:
    model = scene.start().model
    with torch.no_grad():
        model.head.weight *= 0.5
        model.head.bias *= 0.5
    return Pretence.of(model)


def _tiny_rate(scene: Scene) -> Pretence:
    context = scene.start()
    relabel(context, wrong_labels_of(context), lr=1e-6, epochs=3)
    return Pretence.of(context.model)


_FITS = ("unchanged", "answers", "remembers")
SAME_FUNCTION = (
    Liar("identity", "does nothing", _FITS, _identity),
    Liar("dust", "adds 1e-5 of noise to every weight", _FITS, _dust),
    Liar("permuted", "reorders the neurons", _FITS, _permuted),
    Liar("rotated", "rotates the features and turns the head back", _FITS, _rotated),
    Liar("temperature", "halves the logits", _FITS, _halved),
    Liar("tiny-rate", "relabels with a learning rate of 1e-6", _FITS, _tiny_rate),
)
