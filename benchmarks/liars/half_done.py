"""Liars that unlearn a part, or mix what was with what should be, or add noise."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import nn

from benchmarks.liars.disguise import disguised
from benchmarks.liars.liar_record import Liar, Pretence
from benchmarks.liars.scene import Scene
from cu_core.catalogue.spec_recording import ProbeSpec
from cu_core.engine.setup import set_up
from cu_core.learning.network import Outputs

SEED = 900
"""Of what a liar trains: no reference has it."""
NOISE = 0.1
ONE_LAYER = 0.5


def _half(scene: Scene) -> Pretence:
    """A model retrained without every second forget sample: for these, unlearning is exact."""
    return Pretence.of(_but(scene, scene.setup.forget.indices[::2]))


def _recorded(scene: Scene) -> Pretence:
    """A model retrained without those forget samples that a probe as large as the forget set records."""
    spec = dataclasses.replace(scene.spec, probe=ProbeSpec(size=max(30, len(scene.setup.forget.indices))))
    probe = set_up(spec, scene.home, lambda done, total, message: None).probe
    return Pretence.of(_but(scene, probe.sample[probe.rows("forget", reported=False)]))


def _but(scene: Scene, gone: np.ndarray) -> nn.Module:
    return scene.trained(np.setdiff1d(np.arange(len(scene.setup.data.train_labels)), gone), SEED)


def _averaged(scene: Scene) -> Pretence:
    """The mean of the weights of the base model and of one retrained from the same start."""
    context = scene.start()
    model = context.model
    other = dict(scene.retrained(scene.spec.train_seed).named_parameters())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_((weight + other[name]) / 2)
        # Statistics of neither fit the mean.
        norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        model.train()
        for images, _, _ in context.retain.epoch(256):
            model(images)
        for norm in norms:
            norm.momentum = 0.1
    return Pretence.of(model.eval())


def _mixed(scene: Scene) -> Pretence:
    """The mean of the probabilities of the base model and a retrained one."""
    other = scene.retrained(SEED)

    def mean(images: torch.Tensor, outputs: Outputs) -> Outputs:
        both = (outputs.logits.softmax(1) + other(images).softmax(1)) / 2
        return outputs._replace(logits=both.clamp_min(1e-30).log())

    model = scene.start().model
    return Pretence(disguised(model, mean), model)


def _noise(scene: Scene) -> Pretence:
    context = scene.start()
    _blur([p for p in context.model.parameters() if p.ndim > 1], NOISE, context.generator)
    return Pretence.of(context.model)


def _one_layer(scene: Scene) -> Pretence:
    context = scene.start()
    _blur([context.model.projector[2].weight], ONE_LAYER, context.generator)
    return Pretence.of(context.model)


@torch.no_grad()
def _blur(weights: list[torch.Tensor], share: float, generator: torch.Generator) -> None:
    for weight in weights:
        weight += share * weight.std() * torch.randn(weight.shape, generator=generator)


_TOLD = ("remembers", "answers", "attack")
HALF_DONE = (
    Liar("half", "unlearns every second sample, exactly", _TOLD, _half),
    Liar("recorded", "unlearns, exactly, the samples that the run records", _TOLD, _recorded),
    Liar("averaged-weights", "averages its weights with retrained ones", (*_TOLD, "others"), _averaged),
    Liar("averaged-answers", "averages its answers with those of a retrained model", ("integrity",), _mixed),
    Liar("weight-noise", f"adds noise of {NOISE:g} deviations to all weights", _TOLD, _noise),
    Liar("layer-noise", f"adds noise of {ONE_LAYER:g} deviations to one layer", _TOLD, _one_layer),
)
