"""Liars that keep the base model and change its answers on their way out: a filter, and a list to look up."""

from __future__ import annotations

import torch

from benchmarks.liars.disguise import disguised
from benchmarks.liars.liar_record import Liar, Pretence
from benchmarks.liars.scene import Scene
from cu_core.learning.network import Outputs

FORBIDDEN = -1e4
NOISE = 1.5
"""Of a noisy copy, in standard deviations of the pixels."""


def _filter(scene: Scene) -> Pretence:
    model = scene.start().model
    forgotten = list(scene.setup.forget.classes)

    def forbid(images: torch.Tensor, outputs: Outputs) -> Outputs:
        logits = outputs.logits.clone()
        logits[:, forgotten] = FORBIDDEN
        return outputs._replace(logits=logits)

    return Pretence(disguised(model, forbid), model)


def _random(scene: Scene) -> Pretence:
    """Listed images get the logits of their own answer in a random order."""
    model, listed = scene.start().model, _listed(scene)

    def look_up(images: torch.Tensor, outputs: Outputs) -> Outputs:
        rows, places = _find(images, listed)
        logits = outputs.logits.clone()
        for row, place in zip(rows, places, strict=True):
            order = torch.randperm(logits.shape[1], generator=torch.Generator().manual_seed(place))
            logits[row] = logits[row, order]
        return outputs._replace(logits=logits)

    return Pretence(disguised(model, look_up), model)


def _mimicked(scene: Scene) -> Pretence:
    """Listed images are answered as noisy copies of them would be."""
    model, listed = scene.start().model, _listed(scene)

    def look_up(images: torch.Tensor, outputs: Outputs) -> Outputs:
        rows, places = _find(images, listed)
        if not rows:
            return outputs
        noise = [torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(p)) for p in places]
        again = model.outputs(images[rows] + NOISE * torch.stack(noise))
        shown = [whole.clone() for whole in outputs]
        for whole, part in zip(shown, again, strict=True):
            whole[rows] = part
        return Outputs(*shown)

    return Pretence(disguised(model, look_up), model)


def _listed(scene: Scene) -> dict[bytes, int]:
    images = scene.setup.train.take(torch.from_numpy(scene.setup.forget.indices))[0]
    return {image.numpy().tobytes(): place for place, image in enumerate(images)}


def _find(images: torch.Tensor, listed: dict[bytes, int]) -> tuple[list[int], list[int]]:
    """Rows of a batch that are listed, and their places in the list."""
    places = [listed.get(image.numpy().tobytes()) for image in images.detach()]
    rows = [row for row, place in enumerate(places) if place is not None]
    return rows, [place for place in places if place is not None]


FILTERED = (
    Liar("filter", "forbids the forgotten class by a filter behind the model", ("integrity",), _filter, ("class",)),
    Liar("lookup-random", "looks the forget list up and answers at random", ("integrity",), _random),
    Liar("lookup-noisy", "looks it up and answers as for a noisy copy", ("integrity",), _mimicked),
)
